//! The page that says what is promised names a test for each promise; each of them exists.

use std::path::Path;

/// Where the page says that its tests lie, seen from this crate.
const FOLDERS: [&str; 4] = ["tests", "src", "../../web/tests", "../../tests/tests"];

#[test]
fn each_test_that_the_privacy_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("../../docs/privacy.md")).expect("docs/privacy.md");
    let promised = page.split("## Not promised").next().expect("a part of promises");
    let mut named = 0;
    for name in promised.split('`').skip(1).step_by(2) {
        let Some((file, test)) = name.split_once("::").filter(|(file, _)| *file != "file") else { continue };
        let code = FOLDERS
            .iter()
            .find_map(|folder| std::fs::read_to_string(root.join(folder).join(format!("{file}.rs"))).ok());
        let code = code.unwrap_or_else(|| panic!("no file for {name}"));
        let at = code.find(&format!("fn {test}(")).unwrap_or_else(|| panic!("no test {name}"));
        // Not a helper that happens to be called so: it is marked as a test, a line or two above.
        let above: Vec<&str> = code[..at].lines().rev().take(4).collect();
        assert!(above.iter().any(|line| line.contains("test")), "{name} is no test");
        named += 1;
    }
    assert!(named > 35, "the page names its tests");
    for promise in promised.split("\n\n").filter(|part| part.starts_with("**")) {
        assert!(promise.contains("::"), "a promise without a test: {}", promise.lines().next().unwrap());
    }
}
