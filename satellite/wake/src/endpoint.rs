//! When has the speaker finished? Voice activity and loudness → the end of an utterance.
//!
//! `Heard::Voice → speech or silence → how much silence is enough → End`
//!
//! The voice network alone is too slow: it stays certain for half a second after the last word, and calls
//! voices in the background speech. So a step counts as speech only if it is also louder than the
//! background by a share of what the speaker's voice is. How much silence ends an utterance adapts to the
//! utterance: more where little was said so far, where this speaker has paused before, and where the voice
//! did not fall before the silence, as it does at the end of a sentence. Measured in
//! `docs/measurements.md`; why, in `docs/decisions/0031-when-the-speaker-has-finished.md`.
//!
//! Deliberately absent: sound, clocks (time is counted in what was heard), and what the words mean.

use std::time::Duration;

use crate::ear::Voice;
use crate::frontend::SAMPLE_RATE;

/// What ends an utterance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpointing {
    /// Silence after speech, at the least.
    pub silence: Duration,
    /// Silence without any speech.
    pub nobody_spoke: Duration,
    /// The longest utterance, whatever is heard.
    pub longest: Duration,
}

impl Default for Endpointing {
    fn default() -> Self {
        Endpointing {
            silence: Duration::from_millis(300),
            nobody_spoke: Duration::from_secs(3),
            longest: Duration::from_secs(30),
        }
    }
}

/// Why an utterance ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Speech, then enough silence. `speech` counts from the beginning to the last speech.
    Spoke { speech: Duration },
    /// No speech at all.
    NobodySpoke,
    /// Still going at the limit.
    TooLong,
}

/// Voice probability at which speech begins, and below which it stops.
const BEGINS: f32 = 0.3;
const STOPS: f32 = 0.1;
/// Speech is above the background by this share of the speaker's loudest, within these bounds (dB).
const SHARE: f32 = 0.35;
const LEAST_ABOVE: f32 = 4.0;
const MOST_ABOVE: f32 = 12.0;
/// Nothing is treated as quieter than this: digital silence is not the background of a room.
const QUIETEST: f32 = -70.0;
/// The estimate of the background follows louder sound by 1 dB a second and quieter sound by 6, so that it is not the
/// pauses of those who talk in the background, but what they are like; at once only in the first second, when
/// nothing is known yet. That of the speaker's loudest decays by 3 dB a second.
const BACKGROUND_RISES: f32 = 1.0;
const BACKGROUND_FALLS: f32 = 6.0;
const UNKNOWN: f32 = 1.0;
const LOUDEST_FALLS: f32 = 3.0;
/// Less speech than this is a click, not a word.
const A_WORD: f32 = 0.09;
/// Gaps up to this long lie within words (before a "t"); longer ones are pauses.
const A_PAUSE: f32 = 0.15;
/// Extra silence at the beginning, falling to none after so much speech.
const YOUNG_EXTRA: f32 = 0.3;
const YOUNG_UNTIL: f32 = 1.5;
/// Extra silence for each second of this speaker's longest pause so far.
const PAUSE_SHARE: f32 = 0.5;
/// Extra silence where the voice did not fall: all of it at 2 dB above the fall of 3 dB that ends a sentence.
const NO_FALL_EXTRA: f32 = 0.2;
const FALL: f32 = 3.0;
const FALL_RANGE: f32 = 5.0;
/// How quickly the means of the speaker's level follow: over the utterance, and over the last words.
const MEAN_FOLLOWS: f32 = 0.03;
const LATEST_FOLLOWS: f32 = 0.2;

/// Follows one stream of [`Heard::Voice`](crate::Heard::Voice); finds the end of each utterance begun in it.
#[derive(Clone, Debug)]
pub struct Endpointer {
    settings: Endpointing,
    /// Level of what is always there, dB; none until something was heard.
    background: Option<f32>,
    /// Seconds of sound that it was estimated from.
    known: f32,
    /// When the latest voice was heard, in samples.
    latest: Option<u64>,
    utterance: Option<Utterance>,
}

/// Seconds and decibels of an utterance under way.
#[derive(Clone, Debug, Default)]
struct Utterance {
    elapsed: f32,
    speaking: bool,
    speech: f32,
    silence: f32,
    last_speech: f32,
    longest_pause: f32,
    loudest: Option<f32>,
    mean: Option<f32>,
    lately: Option<f32>,
}

impl Endpointer {
    pub fn new(settings: Endpointing) -> Self {
        Endpointer { settings, background: None, known: 0.0, latest: None, utterance: None }
    }

    /// An utterance begins here: at the wake, or where a button was pressed.
    pub fn begin(&mut self) {
        self.utterance = Some(Utterance::default());
    }

    /// Takes the next voice reading, also between utterances, to know the background; says once when an
    /// utterance has ended.
    pub fn push(&mut self, voice: Voice) -> Option<End> {
        // The first reading stands for one run of the voice network; so does any after a gap.
        const RUN: f32 = 0.03;
        let passed = self.latest.map_or(RUN, |at| voice.at.saturating_sub(at) as f32 / SAMPLE_RATE as f32);
        let passed = if passed > 0.0 && passed < 1.0 { passed } else { RUN };
        self.latest = Some(voice.at);
        let level = voice.level.max(QUIETEST);
        let before = self.background.unwrap_or(level);
        self.known = (self.known + passed).min(UNKNOWN);
        let falls = if reached(self.known, UNKNOWN) { BACKGROUND_FALLS * passed } else { f32::INFINITY };
        let background = level.clamp(before - falls, before + BACKGROUND_RISES * passed);
        self.background = Some(background);

        let utterance = self.utterance.as_mut()?;
        utterance.hear(voice.probability, level, background, passed);
        let end = utterance.end(&self.settings)?;
        self.utterance = None;
        Some(end)
    }
}

impl Utterance {
    fn hear(&mut self, probability: f32, level: f32, background: f32, passed: f32) {
        self.elapsed += passed;
        let loudest = self.loudest.map_or(level, |loudest| level.max(loudest - LOUDEST_FALLS * passed));
        self.loudest = Some(loudest);
        let above = (SHARE * (loudest - background)).clamp(LEAST_ABOVE, MOST_ABOVE);
        let likely = probability > if self.speaking { STOPS } else { BEGINS };
        self.speaking = likely && level > background + above;
        if !self.speaking {
            self.silence += passed;
            return;
        }
        if self.spoke() && self.silence >= A_PAUSE {
            self.longest_pause = self.longest_pause.max(self.silence);
        }
        self.silence = 0.0;
        self.speech += passed;
        self.last_speech = self.elapsed;
        let follow = |mean: Option<f32>, rate| mean.map_or(level, |mean| mean + (level - mean) * rate);
        self.mean = Some(follow(self.mean, MEAN_FOLLOWS));
        self.lately = Some(follow(self.lately, LATEST_FOLLOWS));
    }

    fn spoke(&self) -> bool {
        reached(self.speech, A_WORD)
    }

    /// Silence that ends the utterance, in seconds, were it to begin now.
    fn enough(&self, least: Duration) -> f32 {
        let young = YOUNG_EXTRA * (1.0 - self.speech / YOUNG_UNTIL).max(0.0);
        let rise = self.lately.zip(self.mean).map_or(0.0, |(lately, mean)| lately - mean);
        let no_fall = NO_FALL_EXTRA * ((rise + FALL) / FALL_RANGE).clamp(0.0, 1.0);
        least.as_secs_f32() + young + PAUSE_SHARE * self.longest_pause + no_fall
    }

    fn end(&self, settings: &Endpointing) -> Option<End> {
        if !self.spoke() {
            return reached(self.elapsed, settings.nobody_spoke.as_secs_f32()).then_some(End::NobodySpoke);
        }
        if reached(self.silence, self.enough(settings.silence)) {
            return Some(End::Spoke { speech: Duration::from_secs_f32(self.last_speech) });
        }
        reached(self.elapsed, settings.longest.as_secs_f32()).then_some(End::TooLong)
    }
}

/// Sums of many short times are a little off.
fn reached(time: f32, limit: f32) -> bool {
    time >= limit - 5e-3
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEECH: (f32, f32) = (0.99, -25.0);
    const SILENCE: (f32, f32) = (0.02, -65.0);
    /// The network's memory: certain of speech though it is quiet.
    const AFTER: (f32, f32) = (0.95, -64.0);
    /// Others talking in the next room.
    const BABBLE: (f32, f32) = (0.99, -48.0);

    fn check(parts: &[(u64, (f32, f32))], expect: Option<(End, std::ops::Range<u64>)>) {
        check_after(SILENCE, parts, expect);
    }

    /// A second of background, the beginning, parts of so many milliseconds each; the end and when it came.
    fn check_after(
        background: (f32, f32),
        parts: &[(u64, (f32, f32))],
        expect: Option<(End, std::ops::Range<u64>)>,
    ) {
        let mut endpointer = Endpointer::new(Endpointing::default());
        let mut at = 0;
        let mut hear = |endpointer: &mut Endpointer, (probability, level)| {
            at += 480;
            endpointer.push(Voice { probability, level, at })
        };
        for _ in 0..33 {
            assert_eq!(hear(&mut endpointer, background), None, "nothing ends before it begins");
        }
        endpointer.begin();
        let mut elapsed = 0;
        for &(ms, part) in parts {
            for _ in 0..ms / 30 {
                elapsed += 30;
                if let Some(end) = hear(&mut endpointer, part) {
                    let Some((expected, when)) = &expect else { panic!("{end:?} after {elapsed} ms") };
                    assert!(
                        matches!((end, expected), (End::Spoke { .. }, End::Spoke { .. })) || end == *expected
                    );
                    assert!(when.contains(&elapsed), "{end:?} after {elapsed} ms, not in {when:?}");
                    assert_eq!(hear(&mut endpointer, SILENCE), None, "an end is told once");
                    return;
                }
            }
        }
        assert!(expect.is_none(), "no end after {elapsed} ms");
    }

    fn spoke() -> End {
        End::Spoke { speech: Duration::ZERO }
    }

    #[test]
    fn silence_after_a_sentence_that_falls_ends_it_at_once() {
        let fall = (0.99, -34.0);
        check(&[(2_400, SPEECH), (150, fall), (1_000, AFTER)], Some((spoke(), 2_840..2_900)));
    }

    #[test]
    fn a_short_or_level_beginning_gets_more_time() {
        check(&[(600, SPEECH), (1_500, SILENCE)], Some((spoke(), 1_100..1_300)));
        check(&[(600, SPEECH), (450, SILENCE), (900, SPEECH), (420, SILENCE)], None);
    }

    #[test]
    fn who_has_paused_before_may_pause_again() {
        check(&[(1_800, SPEECH), (360, SILENCE), (900, SPEECH), (480, SILENCE), (600, SPEECH)], None);
    }

    #[test]
    fn voices_in_the_background_do_not_keep_it_open() {
        check_after(BABBLE, &[(2_100, SPEECH), (3_000, BABBLE)], Some((spoke(), 2_400..2_800)));
    }

    #[test]
    fn nor_do_their_pauses_make_it_seem_quiet() {
        const PAUSE: (f32, f32) = (0.99, -62.0);
        let mut parts = vec![(2_100, SPEECH)];
        parts.extend((0..20).flat_map(|_| [(90, BABBLE), (60, PAUSE)]));
        check_after(BABBLE, &parts, Some((spoke(), 2_400..3_000)));
    }

    #[test]
    fn nobody_spoke() {
        check(&[(4_000, SILENCE)], Some((End::NobodySpoke, 2_990..3_030)));
        check(&[(60, SPEECH), (4_000, SILENCE)], Some((End::NobodySpoke, 2_990..3_030)));
    }

    #[test]
    fn nobody_speaks_for_ever() {
        check(&[(60_000, SPEECH)], Some((End::TooLong, 29_970..30_060)));
    }

    #[test]
    fn odd_readings_do_no_harm() {
        let mut endpointer = Endpointer::new(Endpointing::default());
        endpointer.begin();
        for (at, level) in [(0, f32::NEG_INFINITY), (u64::MAX, 0.0), (5, -300.0), (5, 90.0)] {
            endpointer.push(Voice { probability: 1.0, level, at });
        }
    }
}
