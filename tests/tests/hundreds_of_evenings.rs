//! Hundreds of evenings in a simulated house; a failure prints the seed that repeats it.

use sotto_tests::simulation::{Network, Report, evening};

fn evenings(network: Network, count: u64) -> Report {
    let mut all = Report::default();
    for seed in 0..count {
        let report = evening(seed, network);
        assert!(report.broken.is_empty(), "seed {seed} on {network:?}: {:?}", report.broken);
        all.spoken += report.spoken;
        all.acted += report.acted;
        all.contested += report.contested;
        all.nearest += report.nearest;
    }
    all
}

fn percent(part: usize, whole: usize) -> usize {
    100 * part / whole
}

#[test]
fn on_a_good_network_every_call_is_answered_once_and_by_the_nearest() {
    let all = evenings(Network::GOOD, 300);
    // The adapters of the simulation fail 10 % of the time; the house loses nothing beyond that.
    assert!(percent(all.acted, all.spoken) >= 88, "{all:?}");
    assert!(percent(all.nearest, all.contested) >= 95, "{all:?}");
}

#[test]
fn on_a_poor_network_no_call_is_answered_twice() {
    let all = evenings(Network::POOR, 300);
    assert!(percent(all.acted, all.spoken) >= 88, "{all:?}");
}

#[test]
fn when_links_break_no_call_is_answered_twice_or_late() {
    let all = evenings(Network::BROKEN, 300);
    assert!(percent(all.acted, all.spoken) >= 70, "{all:?}");
}
