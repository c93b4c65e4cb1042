//! The page that says what is promised names a test for each promise; each of them exists.

use std::path::Path;

#[test]
fn each_test_that_the_privacy_page_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("../../docs/privacy.md")).expect("docs/privacy.md");
    let promised = page.split("## Not promised").next().expect("a part of promises");
    let mut named = 0;
    for name in promised.split('`').skip(1).step_by(2) {
        let Some((file, test)) = name.split_once("::").filter(|(file, _)| *file != "file") else { continue };
        let path = root.join("tests").join(format!("{file}.rs"));
        let code = std::fs::read_to_string(&path).unwrap_or_else(|_| panic!("no file for {name}"));
        assert!(code.contains(&format!("fn {test}(")), "no test {name}");
        named += 1;
    }
    assert!(named > 25, "the page names its tests");
    for promise in promised.split("\n\n").filter(|part| part.starts_with("**")) {
        assert!(promise.contains("::"), "a promise without a test: {}", promise.lines().next().unwrap());
    }
}
