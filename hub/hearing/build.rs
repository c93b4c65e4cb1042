//! Finds PocketSphinx, which comes from the distribution.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if let Err(error) =
        pkg_config::Config::new().atleast_version("0.8").cargo_metadata(false).probe("pocketsphinx")
    {
        eprintln!(
            "{error}\n\nPocketSphinx was not found; install libpocketsphinx-dev and pocketsphinx-en-us"
        );
        std::process::exit(1);
    }
    // Not what pkg-config says: it names a sound library too, which is not used.
    println!("cargo:rustc-link-lib=pocketsphinx");
    println!("cargo:rustc-link-lib=sphinxbase");
}
