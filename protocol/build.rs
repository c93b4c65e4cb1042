//! Makes Rust of `proto/sotto.proto`, with a Protocol Buffers compiler written in Rust: nothing to install.

/// Messages that hold audio or proofs of a code: their Rust types cannot be printed.
const SILENT: [&str; 10] = [
    ".sotto.v1.AudioPacket",
    ".sotto.v1.Speech",
    ".sotto.v1.Speech.message",
    ".sotto.v1.Reply",
    ".sotto.v1.Reply.message",
    ".sotto.v1.Pairing",
    ".sotto.v1.Pairing.message",
    ".sotto.v1.PairStart",
    ".sotto.v1.PairAnswer",
    ".sotto.v1.PairConfirm",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto/sotto.proto");
    let descriptors = protox::compile(["sotto.proto"], ["proto"])?;
    prost_build::Config::new().bytes(["."]).skip_debug(SILENT).compile_fds(descriptors)?;
    Ok(())
}
