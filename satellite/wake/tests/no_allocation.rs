//! While it listens, an ear allocates nothing: a satellite that runs for a year cannot fragment or fill its memory.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use sotto_wake::{Ear, Endpointer, Endpointing, Heard, Model, SAMPLE_RATE, WakeWord};

thread_local! {
    /// Allocations of this thread: the test harness has others.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, and a count.
struct Counting;

// SAFETY: everything is the system allocator's; the count is a thread-local number that needs no memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(run: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

#[test]
fn allocations_are_counted() {
    assert_eq!(allocations(|| drop(std::hint::black_box(vec![1u8; 100]))), 1);
    assert_eq!(allocations(|| ()), 0);
}

#[test]
fn listening_allocates_nothing() {
    let Some(shared) = common::shared() else { return };
    let open = |name: &str| Model::open(&shared.join(format!("models/wake/{name}.json"))).expect("a model");
    let words = ["alexa", "computer", "hey_jarvis", "hey_mycroft", "okay_computer", "okay_nabu"];
    let words: Vec<WakeWord> = words.iter().map(|name| WakeWord::new(open(name))).collect();
    let mut samples = Vec::new();
    for clip in ["wake/alexa/0.flac", "wake/alexa/1.flac", "wake/alexa/2.flac"] {
        samples.extend(common::sound(&shared.join("speech").join(clip)));
    }
    let mut ear = Ear::new(&words, Some(&open("vad")));
    let mut endpointer = Endpointer::new(Endpointing::default());
    let (mut wakes, mut ends) = (0, 0);
    let spent = allocations(|| {
        // A second at a time and 20 ms at a time, as from a file and as from a microphone; then all anew.
        for length in [SAMPLE_RATE as usize, 320] {
            for chunk in samples.chunks(length) {
                for heard in ear.push(chunk) {
                    match heard {
                        Heard::Wake { .. } => {
                            wakes += 1;
                            endpointer.begin();
                        }
                        Heard::Voice(voice) => ends += u32::from(endpointer.push(voice).is_some()),
                    }
                }
            }
            ear.reset();
        }
    });
    assert!(wakes >= 4 && ends >= 2, "{wakes} wakes and {ends} ends");
    assert_eq!(spent, 0, "allocations in {} seconds", 2 * samples.len() / SAMPLE_RATE as usize);
}
