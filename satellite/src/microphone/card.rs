//! A sound card by name, through ALSA. When it goes away it is looked for until it returns.
//!
//! ```text
//! watch thread: open → (cpal's thread: resample → Frame → channel) → fault or stall → close → open …
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{BufferSize, ErrorKind, FromSample, Sample, SampleFormat, SizedSample, StreamConfig};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use super::resample::Resampler;
use super::{Heard, MicrophoneError};
use crate::devices::{self, Direction};

/// A card that gives no sound for this long has stopped, even if it reports no fault.
const STALL: Duration = Duration::from_secs(2);

/// How often the card is looked at, and looked for when it is lost.
const LOOK: Duration = Duration::from_millis(500);

/// Rates in the order of preference: no resampling, then what cards have by nature.
const RATES: [u32; 6] = [16_000, 48_000, 44_100, 32_000, 96_000, 8_000];

/// Sample formats in the order of preference.
const FORMATS: [SampleFormat; 4] =
    [SampleFormat::I16, SampleFormat::I32, SampleFormat::F32, SampleFormat::U8];

/// Which card, and where its sound goes.
struct Card {
    name: String,
    channel: u32,
    sender: Sender<Heard>,
    overruns: Arc<AtomicU64>,
}

/// A card that is open. Dropping it closes the card.
struct Open {
    _stream: cpal::Stream,
    faults: mpsc::Receiver<String>,
    /// How often it has given sound.
    sounded: Arc<AtomicU64>,
}

/// Opens the card called `name`, and again whenever it was lost, until the receiver is dropped.
pub fn listen(
    name: &str,
    channel: u32,
    sender: Sender<Heard>,
    overruns: Arc<AtomicU64>,
) -> Result<(), MicrophoneError> {
    let card = Card { name: name.into(), channel, sender, overruns };
    let open = card.open()?;
    std::thread::spawn(move || card.watch(open));
    Ok(())
}

impl Card {
    fn watch(&self, mut open: Open) {
        let mut lost = false;
        loop {
            let Some(fault) = self.fault(&open, &mut lost) else { return };
            drop(open);
            if !lost && self.sender.blocking_send(Heard::Lost(fault)).is_err() {
                return;
            }
            lost = true;
            open = loop {
                std::thread::sleep(LOOK);
                if self.sender.is_closed() {
                    return;
                }
                if let Ok(open) = self.open() {
                    break open;
                }
            };
        }
    }

    /// Waits until the open card fails, and says how; `None` when nobody listens any more.
    fn fault(&self, open: &Open, lost: &mut bool) -> Option<String> {
        let (mut seen, mut since) = (0, Instant::now());
        loop {
            match open.faults.recv_timeout(LOOK) {
                Ok(fault) => return Some(fault),
                Err(RecvTimeoutError::Disconnected) => return Some("it stopped".into()),
                Err(RecvTimeoutError::Timeout) if self.sender.is_closed() => return None,
                Err(RecvTimeoutError::Timeout) => {}
            }
            let sounded = open.sounded.load(Ordering::Relaxed);
            if sounded != seen {
                (seen, since) = (sounded, Instant::now());
                if std::mem::take(lost) {
                    self.sender.blocking_send(Heard::Returned).ok()?;
                }
            } else if since.elapsed() > STALL {
                return Some("it gives no sound".into());
            }
        }
    }

    fn open(&self) -> Result<Open, MicrophoneError> {
        let device = devices::find(Direction::Input, &self.name)?;
        let (config, format) = self.choose(&device)?;
        match format {
            SampleFormat::I16 => self.stream::<i16>(&device, config),
            SampleFormat::I32 => self.stream::<i32>(&device, config),
            SampleFormat::F32 => self.stream::<f32>(&device, config),
            SampleFormat::U8 => self.stream::<u8>(&device, config),
            other => Err(self.refused(format!("its samples are {other}, which Sotto cannot use"))),
        }
    }

    /// The cheapest configuration that holds a voice: 16 kHz if there is, as few channels as needed.
    fn choose(&self, device: &cpal::Device) -> Result<(StreamConfig, SampleFormat), MicrophoneError> {
        let offers: Vec<_> = device.supported_input_configs().map_err(|e| self.refused(e))?.collect();
        let place = |format| FORMATS.iter().position(|known| *known == format);
        let rate = |offer: &cpal::SupportedStreamConfigRange| {
            RATES.iter().position(|r| (offer.min_sample_rate()..=offer.max_sample_rate()).contains(r))
        };
        let most = offers.iter().map(|offer| offer.channels()).max().unwrap_or(0);
        if u32::from(most) < self.channel {
            return Err(MicrophoneError::Channel {
                name: self.name.clone(),
                has: most,
                wanted: self.channel,
            });
        }
        offers
            .iter()
            .filter(|offer| u32::from(offer.channels()) >= self.channel)
            .filter_map(|offer| Some((rate(offer)?, offer.channels(), place(offer.sample_format())?)))
            .min()
            .map(|(rate, channels, format)| {
                // cpal's own choice of period: one fixed by us makes some plugins buffer for seconds.
                let buffer_size = BufferSize::Default;
                (StreamConfig { channels, sample_rate: RATES[rate], buffer_size }, FORMATS[format])
            })
            .ok_or_else(|| self.refused("it offers no rate and sample format that Sotto can use"))
    }

    fn stream<T>(&self, device: &cpal::Device, config: StreamConfig) -> Result<Open, MicrophoneError>
    where
        T: SizedSample,
        f32: FromSample<T>,
    {
        let channels = config.channels.into();
        let mut resampler = Resampler::new(config.sample_rate as usize, channels, self.channel as usize)
            .map_err(|cause| self.refused(cause))?;
        let sounded = Arc::new(AtomicU64::new(0));
        let (count, lost, sender) = (sounded.clone(), self.overruns.clone(), self.sender.clone());
        let hear = move |samples: &[T], _: &cpal::InputCallbackInfo| {
            count.fetch_add(1, Ordering::Relaxed);
            let samples = samples.iter().map(|&sample| f32::from_sample(sample));
            resampler.push(samples, |frame| {
                if let Err(TrySendError::Full(_)) = sender.try_send(Heard::Sound(frame)) {
                    lost.fetch_add(1, Ordering::Relaxed);
                }
            });
        };
        let (faulty, faults) = mpsc::channel();
        let lost = self.overruns.clone();
        let fail = move |error: cpal::Error| match error.kind() {
            ErrorKind::Xrun => {
                lost.fetch_add(1, Ordering::Relaxed);
            }
            ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => {}
            _ => drop(faulty.send(error.to_string())),
        };
        let stream = device.build_input_stream(config, hear, fail, None).map_err(|e| self.refused(e))?;
        stream.play().map_err(|e| self.refused(e))?;
        Ok(Open { _stream: stream, faults, sounded })
    }

    fn refused(&self, cause: impl ToString) -> MicrophoneError {
        MicrophoneError::Card { name: self.name.clone(), cause: cause.to_string() }
    }
}
