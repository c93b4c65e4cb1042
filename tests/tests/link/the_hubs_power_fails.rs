//! The hub is killed and comes back: its satellites hear of it from the new process at once, and do not wait for their
//! time-out.

use sotto_tests::data;
use sotto_tests::household::Household;

#[test]
fn a_satellite_is_told_by_the_next_process_that_the_last_one_died() {
    if !data::has_program("mosquitto", "the hub's power fails") {
        return;
    }
    let mut house = Household::start("");
    let kitchen = house.satellite("kitchen", "Kitchen", "trigger = \"speech\"\n").run_in_silence();
    house.hub.event("connected");
    kitchen.event("online");
    house.hub.signal("KILL");
    house.hub.wait();
    house.restart();
    let trouble = kitchen.event("trouble");
    assert_eq!(trouble["problem"], "no hub: the hub has restarted");
    house.hub.event("connected");
}
