//! `pull` against a server that breaks off, knows no ranges, lies about length and serves wrong bytes.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sotto_hearing::pull::{PullError, Wanted, part_of, pull};

/// What the server does with the n-th request: given the wanted start, the status line with headers, and the body.
type Behaviour = fn(usize, usize, &[u8]) -> (String, Vec<u8>);

fn content() -> Vec<u8> {
    (0..300_000u32).map(|i| (i * 7 % 251) as u8).collect()
}

/// SHA-256 of `content()`, by sha256sum.
const SHA256: &str = "b1cf7538cf80d01efe3e0b8e45dc930048a138c7b6f8c4aff08f478e4695e631";

fn serve(behaviour: Behaviour) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/ggml-test.bin", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = requests.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(20) {
            let mut stream = stream.unwrap();
            let mut start = 0;
            for line in BufReader::new(stream.try_clone().unwrap()).lines() {
                let line = line.unwrap_or_default().to_lowercase();
                if let Some(range) = line.strip_prefix("range: bytes=") {
                    start = range.trim_end_matches('-').parse().unwrap();
                }
                if line.is_empty() {
                    break;
                }
            }
            let number = counter.fetch_add(1, Ordering::SeqCst);
            let (head, body) = behaviour(number, start, &content());
            let _ = stream.write_all(format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n").as_bytes());
            let _ = stream.write_all(&body);
        }
    });
    (address, requests)
}

fn partial(start: usize, length: usize) -> String {
    format!("206 Partial Content\r\nContent-Range: bytes {start}-299999/300000\r\nContent-Length: {length}")
}

fn try_pull(folder: &Path, behaviour: Behaviour) -> (Result<(), PullError>, usize) {
    let (address, requests) = serve(behaviour);
    let wanted = Wanted { address: &address, size: 300_000, sha256: SHA256 };
    let done = pull(&wanted, &folder.join("ggml-test.bin"), |_| ControlFlow::Continue(()));
    (done, requests.load(Ordering::SeqCst))
}

#[test]
fn a_server_that_breaks_off_is_asked_for_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let (done, requests) = try_pull(folder.path(), |number, start, content| {
        let end = if number < 2 { start + 100_000 } else { content.len() };
        (partial(start, content.len() - start), content[start..end].to_vec())
    });
    done.unwrap();
    assert_eq!(requests, 3);
    assert_eq!(std::fs::read(folder.path().join("ggml-test.bin")).unwrap(), content());
    assert!(!folder.path().join("ggml-test.bin.part").exists());
    // And once it is there, nobody is asked again.
    let (done, requests) = try_pull(folder.path(), |_, _, _| ("500 No".to_owned(), Vec::new()));
    done.unwrap();
    assert_eq!(requests, 0);
}

#[test]
fn what_came_before_an_interruption_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ggml-test.bin.part"), &content()[..250_000]).unwrap();
    let (done, _) = try_pull(folder.path(), |_, start, content| {
        assert_eq!(start, 250_000);
        (partial(start, content.len() - start), content[start..].to_vec())
    });
    done.unwrap();
}

#[test]
fn a_server_without_ranges_sends_all_again() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ggml-test.bin.part"), [1; 1000]).unwrap();
    let (done, _) = try_pull(folder.path(), |_, _, content| ("200 OK".to_owned(), content.to_vec()));
    done.unwrap();
}

#[test]
fn wrong_bytes_are_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let (done, _) = try_pull(folder.path(), |_, _, content| {
        let mut content = content.to_vec();
        content[77] ^= 1;
        ("200 OK".to_owned(), content)
    });
    assert!(matches!(done, Err(PullError::Digest { .. })), "{done:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn more_than_the_model_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let (done, _) =
        try_pull(folder.path(), |_, _, content| ("200 OK".to_owned(), [content, &[0; 200_000]].concat()));
    assert!(matches!(done, Err(PullError::Length { expected: 300_000, .. })), "{done:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_server_that_refuses_is_not_asked_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let (done, requests) = try_pull(folder.path(), |_, _, _| ("404 Not Found".to_owned(), Vec::new()));
    assert!(matches!(done, Err(PullError::Fetch(_))), "{done:?}");
    assert_eq!(requests, 5);
}

#[test]
fn what_is_stopped_goes_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("ggml-test.bin");
    let whole: Behaviour =
        |_, start, content| (partial(start, content.len() - start), content[start..].to_vec());
    let (address, requests) = serve(whole);
    let wanted = Wanted { address: &address, size: 300_000, sha256: SHA256 };
    let half = |bytes| if bytes < 150_000 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    assert!(matches!(pull(&wanted, &target, half), Err(PullError::Stopped)));
    let arrived = std::fs::metadata(part_of(&target)).unwrap().len();
    assert!((150_000..300_000).contains(&arrived) && !target.exists());
    let mut first = None;
    let progress = |bytes| {
        first.get_or_insert(bytes);
        ControlFlow::Continue(())
    };
    pull(&wanted, &target, progress).unwrap();
    assert!(first.unwrap() > arrived, "it went on from {arrived}, not from the start");
    assert_eq!((std::fs::read(&target).unwrap(), requests.load(Ordering::SeqCst)), (content(), 2));
}
