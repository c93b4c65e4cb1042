//! How quick this machine is at what speech models do all day: a short benchmark, so that a model can be suggested.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::moonshine::Matrix;

/// As long as it takes for the processor to stop dozing, and not so long that anybody waits.
const LONG: Duration = Duration::from_millis(40);
/// More cores than this one engine does not use.
const CORES: usize = 8;

/// Thousands of millions of multiplications and additions a second that all cores do together, measured once.
pub fn speed() -> f32 {
    static SPEED: OnceLock<f32> = OnceLock::new();
    *SPEED.get_or_init(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from).min(CORES);
        of_one_core() * cores as f32
    })
}

fn of_one_core() -> f32 {
    const INPUTS: usize = 288;
    const OUTPUTS: usize = 576;
    const ROWS: usize = 64;
    let matrix = Matrix::from_floats(INPUTS, OUTPUTS, |row, column| (row + column) as f32 * 1e-4);
    let vectors = vec![0.5; INPUTS * ROWS];
    // The best of some: what another program took away says nothing about the machine.
    let (begun, mut best) = (Instant::now(), Duration::MAX);
    while begun.elapsed() < LONG {
        let one = Instant::now();
        std::hint::black_box(matrix.times(&vectors, INPUTS, ROWS));
        best = best.min(one.elapsed());
    }
    (INPUTS * OUTPUTS * ROWS) as f32 / best.as_secs_f32().max(1e-9) / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_a_speed_and_keeps_it() {
        assert!(speed() > 0.0 && speed().is_finite());
        assert_eq!(speed().to_bits(), speed().to_bits());
    }
}
