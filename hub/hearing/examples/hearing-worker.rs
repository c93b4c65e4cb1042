//! A program that is nothing but a hearing process, for the tests of this crate; `sotto-hub` is its own.

fn main() {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    if let Err(error) = sotto_hearing::worker::run(&arguments) {
        eprintln!("{error}");
        std::process::exit(2);
    }
}
