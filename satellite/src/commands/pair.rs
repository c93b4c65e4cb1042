//! `pair`: makes this satellite part of a house, with the one-time code that `sotto-hub pair` or the page shows.

use anyhow::Context;
use serde_json::json;
use sotto_satellite::link::{HubAddress, pair_with};

use super::Place;

#[derive(clap::Args)]
pub struct Args {
    /// The hub's code: 8 digits, blanks and dashes do not matter
    code: String,
    /// What people call this satellite [default: its configured name]
    #[arg(long)]
    name: Option<String>,
    /// The area it stands in, as Home Assistant calls it
    #[arg(long, default_value = "")]
    area: String,
    /// The hub's address or host:port, or its id where several hubs are seen [default: found by mDNS]
    #[arg(long, value_name = "ADDRESS")]
    hub: Option<String>,
}

pub fn run(args: Args, place: &Place) -> anyhow::Result<()> {
    let config = place.of_the_owner()?;
    let code = args.code.parse()?;
    let name = args.name.unwrap_or(config.name);
    let name = if name.is_empty() { "Satellite".to_owned() } else { name };
    let configured = Some(config.hub.address).filter(|address| !address.is_empty());
    let hub = match args.hub.or(configured) {
        Some(id) if id.starts_with("hub-") && !id.contains(['.', ':']) => HubAddress::Found { id: Some(id) },
        Some(address) => HubAddress::At(address),
        None => HubAddress::Found { id: None },
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let hardware = hardware();
    let paired = pair_with(&config.data, &hub, &code, &name, &args.area, &hardware);
    let pin = runtime.block_on(paired).context("this satellite is not paired")?;
    super::print(
        place.json,
        &json!({
            "hub": pin.hub,
            "hub_name": pin.hub_name,
            "satellite": pin.satellite,
            "name": pin.name,
            "area": pin.area,
            "fingerprint": pin.fingerprint.to_string(),
        }),
    );
    Ok(())
}

/// What this machine says it is, where it does say so: a Raspberry Pi does.
fn hardware() -> String {
    let model = std::fs::read_to_string("/proc/device-tree/model").unwrap_or_default();
    let model = model.trim_matches(|c: char| c == '\0' || c.is_whitespace());
    if model.is_empty() { format!("a computer ({})", std::env::consts::ARCH) } else { model.to_owned() }
}
