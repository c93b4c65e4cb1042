//! What the command line may ask about satellites, over the control socket.

use std::time::Duration;

use serde_json::{Value, json};
use sotto_house::{Area, SatelliteId};
use sotto_protocol::{CODE_LIFETIME, CODE_LIFETIME_AT_MOST};

use super::{CodeState, Listed, SatellitesHandle};
use crate::control::Answer;

/// For [`Control::answering`](crate::control::Control::answering).
pub fn answers(satellites: SatellitesHandle) -> impl Fn(String, Value) -> Answer + Send + Sync + 'static {
    move |ask, question| {
        let satellites = satellites.clone();
        Box::pin(async move { answer(&satellites, &ask, &question).await })
    }
}

async fn answer(satellites: &SatellitesHandle, ask: &str, question: &Value) -> Option<Result<Value, String>> {
    let text = |key: &str| question.get(key).and_then(Value::as_str);
    let id = || SatelliteId::new(text("satellite").unwrap_or_default()).map_err(|error| error.to_string());
    Some(match ask {
        "pair" => {
            let asked = question["seconds"].as_u64().map(Duration::from_secs);
            let good_for = asked.unwrap_or(CODE_LIFETIME).min(CODE_LIFETIME_AT_MOST);
            satellites.begin_pairing_for(good_for).map_err(|error| error.to_string()).map(|code| {
                json!({
                    "code": code.to_string(),
                    "seconds": good_for.as_secs(),
                    "hub": satellites.hub(),
                    "port": satellites.address().map(|address| address.port()).ok(),
                })
            })
        }
        "pair-state" => Ok(json!({ "state": match satellites.code_state() {
            CodeState::None => "none",
            CodeState::Waiting { .. } => "waiting",
            CodeState::Used => "used",
            CodeState::Expired => "expired",
            CodeState::Burnt => "burnt",
        } })),
        "pair-found" => pair_found(satellites, question).await,
        "satellites" => Ok(json!({
            "satellites": satellites.list().iter().map(listed).collect::<Vec<_>>(),
            "found": satellites.found().iter().map(|found| json!({
                "id": found.id,
                "name": found.name,
                "hardware": found.hardware,
                "addresses": found.addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
            })).collect::<Vec<_>>(),
        })),
        "revoke" => id().and_then(|id| {
            let reason = text("reason").unwrap_or("removed by the household");
            satellites.revoke(&id, reason).map_err(|error| error.to_string())?;
            Ok(json!({ "revoked": id.as_str() }))
        }),
        "rename" => id().and_then(|id| {
            let area = text("area").map(Area::new).transpose().map_err(|error| error.to_string())?;
            // What is not said stays as it is.
            let now = satellites.list().into_iter().find(|listed| listed.paired.id == id);
            let area = area.or_else(|| now?.paired.area);
            let name = text("name").unwrap_or(id.as_str()).to_owned();
            satellites.rename(&id, &name, area.as_ref()).map_err(|error| error.to_string())?;
            Ok(json!({ "satellite": id.as_str(), "name": name, "area": area.as_ref().map(Area::as_str) }))
        }),
        _ => return None,
    })
}

async fn pair_found(satellites: &SatellitesHandle, question: &Value) -> Result<Value, String> {
    let text = |key: &str| question.get(key).and_then(Value::as_str);
    let code = text("code").unwrap_or_default().parse().map_err(|error| format!("{error}"))?;
    let area = text("area").map(Area::new).transpose().map_err(|error| error.to_string())?;
    let id = text("satellite").unwrap_or_default();
    let paired =
        satellites.pair_found(id, &code, text("name"), area).await.map_err(|error| error.to_string())?;
    Ok(json!({ "satellite": paired.id.as_str(), "name": paired.name }))
}

fn listed(listed: &Listed) -> Value {
    let Listed { paired, connected } = listed;
    json!({
        "id": paired.id.as_str(),
        "name": paired.name,
        "area": paired.area.as_ref().map(Area::as_str),
        "hardware": paired.hardware,
        "fingerprint": paired.fingerprint.to_string(),
        "paired_at": paired.paired_at.to_string(),
        "connected": connected.is_some(),
        "software": connected.as_ref().map(|satellite| satellite.software.clone()),
        "address": connected.as_ref().map(|satellite| satellite.address.to_string()),
    })
}
