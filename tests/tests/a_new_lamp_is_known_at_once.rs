//! The household writes a lamp into its configuration while the hub runs: the hub knows it at once. A slip in the file is
//! named with its place, and the house stays as it was.

use sotto_tests::data;
use sotto_tests::household::Household;
use sotto_tests::programs::facts;

#[test]
fn a_new_lamp_is_known_at_once() {
    let story = "a new lamp is known at once";
    if !data::has_program("mosquitto", story) {
        return;
    }
    let mut house = Household::start("");
    let before = std::fs::read_to_string(house.config()).unwrap();
    let write = |more: &str| std::fs::write(house.config(), format!("{before}{more}")).unwrap();
    let understood = |house: &Household, text: &str| {
        let mut parse = house.hub_command(&["intents", "parse", text]);
        facts(parse.arg("--config").arg(house.config()), "")["slots"]["name"].clone()
    };

    write("\n[[home.entities]]\nname = \"moon lamp\"\ndomain = \"light\"\n");
    let change = house.hub.event("configuration");
    assert_eq!((&change["in_force"], &change["names"]), (&true.into(), &true.into()));
    assert_eq!(understood(&house, "turn on the moon lamp"), "moon lamp");

    write("\n[[home.entities]]\nname = \"moon lamp\"\ncolour = \"blue\"\n");
    let change = house.hub.event("configuration");
    assert_eq!(change["in_force"], false);
    let problem = change["problem"].as_str().unwrap();
    assert!(problem.contains("hub.toml:") && problem.contains("colour"), "{problem}");

    // The same as before the slip: nothing is new.
    write("\n[[home.entities]]\nname = \"moon lamp\"\ndomain = \"light\"\n");
    let change = house.hub.event("configuration");
    assert_eq!((&change["in_force"], &change["names"]), (&true.into(), &false.into()));
    house.hub.signal("TERM");
    assert!(house.hub.wait().success());
}
