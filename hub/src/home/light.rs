//! Lights: three schemas on the wire (plain topics, JSON, templates), one setting in the house.

use serde_json::{Map, Value, json};

use super::act::{CannotAct, LightSetting, command, number};
use super::connection::Once;
use super::discovery::Keys;
use super::template;

/// The colours that Home Assistant's sentences know, with the values of CSS.
const COLORS: [(&str, [u8; 3]); 14] = [
    ("white", [255, 255, 255]),
    ("black", [0, 0, 0]),
    ("red", [255, 0, 0]),
    ("orange", [255, 165, 0]),
    ("yellow", [255, 255, 0]),
    ("green", [0, 128, 0]),
    ("blue", [0, 0, 255]),
    ("purple", [128, 0, 128]),
    ("brown", [165, 42, 42]),
    ("pink", [255, 192, 203]),
    ("turquoise", [64, 224, 208]),
    ("violet", [238, 130, 238]),
    ("cyan", [0, 255, 255]),
    ("magenta", [255, 0, 255]),
];

/// A colour by its English name, which is what the sentences of every language give as value.
pub fn color(name: &str) -> Option<[u8; 3]> {
    let name = name.trim().to_lowercase();
    COLORS.iter().find(|(known, _)| *known == name).map(|(_, rgb)| *rgb)
}

pub fn off(keys: &Keys) -> Result<Vec<Once>, CannotAct> {
    let payload = match schema(keys).as_str() {
        "json" => json!({"state": "OFF"}).to_string(),
        "template" => {
            let source = keys.text("command_off_template").ok_or(CannotAct::Unable)?;
            let context = minijinja::context! { state => "off" };
            template::render(&source, context).map_err(|_| CannotAct::Template)?
        }
        _ => keys.text_or("payload_off", "OFF"),
    };
    Ok(vec![command(keys, "command_topic", None, payload)?])
}

/// On, with what `setting` says. `on`: whether it is on already, where that is known and matters.
pub fn messages(keys: &Keys, on: Option<bool>, setting: &LightSetting) -> Result<Vec<Once>, CannotAct> {
    match schema(keys).as_str() {
        "json" => json_message(keys, setting).map(|once| vec![once]),
        "template" => template_message(keys, setting).map(|once| vec![once]),
        _ => plain_messages(keys, on, setting),
    }
}

fn schema(keys: &Keys) -> String {
    keys.text_or("schema", "basic").to_lowercase()
}

fn scaled(percent: u8, scale: f64) -> f64 {
    (f64::from(percent) / 100.0 * scale).round().max(1.0)
}

fn json_message(keys: &Keys, setting: &LightSetting) -> Result<Once, CannotAct> {
    let modes = keys.texts("supported_color_modes");
    let has = |mode: &str| modes.iter().any(|own| own == mode);
    let mut message = Map::from_iter([("state".to_owned(), json!("ON"))]);
    if let Some(percent) = setting.brightness {
        let dims = keys.truth("brightness").unwrap_or(false) || modes.iter().any(|mode| mode != "onoff");
        let scale = keys.number("brightness_scale").unwrap_or(255.0);
        let brightness = dims.then(|| scaled(percent, scale) as i64).ok_or(CannotAct::Unable)?;
        message.insert("brightness".into(), json!(brightness));
    }
    if let Some(rgb) = setting.color {
        let [r, g, b] = rgb;
        let color = if has("xy") {
            let (x, y) = xy(rgb);
            json!({"x": x, "y": y})
        } else if has("hs") {
            let (h, s) = hue_saturation(rgb);
            json!({"h": h, "s": s})
        } else if has("rgb") || has("rgbw") || has("rgbww") {
            json!({"r": r, "g": g, "b": b})
        } else {
            return Err(CannotAct::Unable);
        };
        message.insert("color".into(), color);
    }
    if let Some(kelvin) = setting.kelvin {
        if !has("color_temp") {
            return Err(CannotAct::Unable);
        }
        message.insert("color_temp".into(), json!(white(keys, kelvin) as i64));
    }
    command(keys, "command_topic", None, Value::Object(message).to_string())
}

fn template_message(keys: &Keys, setting: &LightSetting) -> Result<Once, CannotAct> {
    let source = keys.text("command_on_template").ok_or(CannotAct::Unable)?;
    let mut values = Map::from_iter([("state".to_owned(), json!("on"))]);
    if let Some(percent) = setting.brightness {
        values.insert("brightness".into(), json!(scaled(percent, 255.0) as i64));
    }
    if let Some(rgb) = setting.color {
        let (hue, sat) = hue_saturation(rgb);
        let [red, green, blue] = rgb;
        for (key, value) in [("red", red), ("green", green), ("blue", blue)] {
            values.insert(key.into(), json!(value));
        }
        values.extend([("hue".to_owned(), json!(hue)), ("sat".to_owned(), json!(sat))]);
    }
    if let Some(kelvin) = setting.kelvin {
        values.insert("color_temp".into(), json!(white(keys, kelvin) as i64));
    }
    let context = minijinja::value::Value::from(minijinja::value::Serde(Value::Object(values)));
    let payload = template::render(&source, context).map_err(|_| CannotAct::Template)?;
    command(keys, "command_topic", None, payload)
}

/// Plain topics: one message an attribute, and one that says "on" before them, after them, or not at all.
fn plain_messages(keys: &Keys, on: Option<bool>, setting: &LightSetting) -> Result<Vec<Once>, CannotAct> {
    let scale = keys.number("brightness_scale").unwrap_or(255.0);
    let brightness = |percent: u8| {
        let payload = number(scaled(percent, scale));
        command(keys, "brightness_command_topic", Some("brightness_command_template"), payload)
    };
    let mut messages = Vec::new();
    if let Some(percent) = setting.brightness {
        messages.push(brightness(percent)?);
    }
    if let Some(rgb) = setting.color {
        messages.push(color_message(keys, rgb)?);
    }
    if let Some(kelvin) = setting.kelvin {
        let payload = number(white(keys, kelvin));
        let topic = "color_temp_command_topic";
        messages.push(command(keys, topic, Some("color_temp_command_template"), payload)?);
    }
    let say_on = || command(keys, "command_topic", None, keys.text_or("payload_on", "ON"));
    match keys.text_or("on_command_type", "last").as_str() {
        // Such a light is switched on by its brightness alone.
        "brightness" => {
            if setting.brightness.is_none() && on != Some(true) {
                messages.insert(0, brightness(100)?);
            }
        }
        "first" => messages.insert(0, say_on()?),
        _ => messages.push(say_on()?),
    }
    if messages.is_empty() {
        messages.push(say_on()?);
    }
    Ok(messages)
}

fn color_message(keys: &Keys, rgb: [u8; 3]) -> Result<Once, CannotAct> {
    let [red, green, blue] = rgb;
    if keys.has("rgb_command_topic") {
        let payload = match keys.text("rgb_command_template") {
            Some(source) => template::render(&source, minijinja::context! { red, green, blue })
                .map_err(|_| CannotAct::Template)?,
            None => format!("{red},{green},{blue}"),
        };
        return command(keys, "rgb_command_topic", None, payload);
    }
    if keys.has("hs_command_topic") {
        let (hue, sat) = hue_saturation(rgb);
        let payload = match keys.text("hs_command_template") {
            Some(source) => template::render(&source, minijinja::context! { hue, sat })
                .map_err(|_| CannotAct::Template)?,
            None => format!("{},{}", number(hue), number(sat)),
        };
        return command(keys, "hs_command_topic", None, payload);
    }
    let (x, y) = xy(rgb);
    let payload = match keys.text("xy_command_template") {
        Some(source) => {
            template::render(&source, minijinja::context! { x, y }).map_err(|_| CannotAct::Template)?
        }
        None => format!("{},{}", number(x), number(y)),
    };
    command(keys, "xy_command_topic", None, payload)
}

/// A white, in kelvin or mireds as the light counts, within what it can.
fn white(keys: &Keys, kelvin: u32) -> f64 {
    let kelvin = f64::from(kelvin.max(1));
    if keys.truth("color_temp_kelvin").unwrap_or(false) {
        let low = keys.number("min_kelvin").unwrap_or(2000.0);
        let high = keys.number("max_kelvin").unwrap_or(6535.0);
        return kelvin.clamp(low, high.max(low));
    }
    let low = keys.number("min_mireds").unwrap_or(153.0);
    let high = keys.number("max_mireds").unwrap_or(500.0);
    (1_000_000.0 / kelvin).round().clamp(low, high.max(low))
}

/// Hue 0 to 360, saturation 0 to 100.
fn hue_saturation([r, g, b]: [u8; 3]) -> (f64, f64) {
    let [r, g, b] = [r, g, b].map(|part| f64::from(part) / 255.0);
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    let range = most - least;
    if range == 0.0 {
        return (0.0, 0.0);
    }
    let hue = if most == r {
        60.0 * ((g - b) / range).rem_euclid(6.0)
    } else if most == g {
        60.0 * ((b - r) / range + 2.0)
    } else {
        60.0 * ((r - g) / range + 4.0)
    };
    let round = |value: f64| (value * 1000.0).round() / 1000.0;
    (round(hue), round(range / most * 100.0))
}

/// CIE 1931 chromaticity, by the wide-gamut matrix that Philips Hue and zigbee2mqtt use.
fn xy([r, g, b]: [u8; 3]) -> (f64, f64) {
    let linear = |part: u8| {
        let part = f64::from(part) / 255.0;
        if part > 0.04045 { ((part + 0.055) / 1.055).powf(2.4) } else { part / 12.92 }
    };
    let (r, g, b) = (linear(r), linear(g), linear(b));
    let x = r * 0.664_511 + g * 0.154_324 + b * 0.162_028;
    let y = r * 0.283_881 + g * 0.668_433 + b * 0.047_685;
    let z = r * 0.000_088 + g * 0.072_310 + b * 0.986_039;
    let sum = x + y + z;
    let round = |value: f64| (value * 10_000.0).round() / 10_000.0;
    // Black has no chromaticity; the white point is as good as any.
    if sum == 0.0 { (0.3227, 0.329) } else { (round(x / sum), round(y / sum)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: Value, setting: LightSetting, expect: Result<&[(&str, &str)], CannotAct>) {
        let keys = Keys::read(config.as_object().unwrap(), None);
        let said = messages(&keys, Some(false), &setting).map(|all| {
            let one = |once: Once| (once.topic, String::from_utf8(once.payload.to_vec()).unwrap());
            all.into_iter().map(one).collect::<Vec<_>>()
        });
        let expect = expect.map(|all| all.iter().map(|(t, p)| ((*t).to_owned(), (*p).to_owned())).collect());
        assert_eq!(said, expect, "{config}");
    }

    fn half() -> LightSetting {
        LightSetting { brightness: Some(50), ..LightSetting::default() }
    }

    fn red() -> LightSetting {
        LightSetting { color: Some([255, 0, 0]), ..LightSetting::default() }
    }

    fn warm() -> LightSetting {
        LightSetting { kelvin: Some(2700), ..LightSetting::default() }
    }

    #[test]
    fn plain_topics_say_on_when_the_light_wants_it() {
        let plain = json!({"cmd_t": "c", "bri_cmd_t": "b"});
        check(plain.clone(), half(), Ok(&[("b", "128"), ("c", "ON")]));
        check(plain.clone(), LightSetting::default(), Ok(&[("c", "ON")]));
        check(plain, red(), Err(CannotAct::Unable));
        let first = json!({"cmd_t": "c", "bri_cmd_t": "b", "bri_scl": 100, "on_cmd_type": "first"});
        check(first, half(), Ok(&[("c", "ON"), ("b", "50")]));
        let tasmota = json!({"cmd_t": "c", "bri_cmd_t": "b", "bri_scl": 100, "on_cmd_type": "brightness",
                             "clr_temp_cmd_t": "ct", "rgb_cmd_t": "rgb"});
        check(tasmota.clone(), LightSetting::default(), Ok(&[("b", "100")]));
        check(tasmota.clone(), half(), Ok(&[("b", "50")]));
        check(tasmota.clone(), red(), Ok(&[("b", "100"), ("rgb", "255,0,0")]));
        check(tasmota, warm(), Ok(&[("b", "100"), ("ct", "370")]));
        check(json!({"cmd_t": "c", "hs_cmd_t": "hs"}), red(), Ok(&[("hs", "0,100"), ("c", "ON")]));
    }

    #[test]
    fn json_lights_get_the_colour_they_can_show() {
        let light = |modes: &[&str]| json!({"schema": "json", "cmd_t": "c", "brightness": true, "supported_color_modes": modes});
        check(light(&["xy"]), red(), Ok(&[("c", r#"{"color":{"x":0.7006,"y":0.2993},"state":"ON"}"#)]));
        check(light(&["hs"]), red(), Ok(&[("c", r#"{"color":{"h":0.0,"s":100.0},"state":"ON"}"#)]));
        check(light(&["rgbw"]), red(), Ok(&[("c", r#"{"color":{"b":0,"g":0,"r":255},"state":"ON"}"#)]));
        check(light(&["color_temp"]), red(), Err(CannotAct::Unable));
        check(light(&["color_temp"]), warm(), Ok(&[("c", r#"{"color_temp":370,"state":"ON"}"#)]));
        check(light(&["color_temp"]), half(), Ok(&[("c", r#"{"brightness":128,"state":"ON"}"#)]));
        check(json!({"schema": "json", "cmd_t": "c"}), half(), Err(CannotAct::Unable));
    }

    #[test]
    fn template_lights_render_their_own() {
        let light = json!({
            "schema": "template", "cmd_t": "c", "cmd_off_tpl": "off",
            "cmd_on_tpl": "on,{{ brightness | default('') }},{{ red | default(0) }}"
        });
        check(light.clone(), half(), Ok(&[("c", "on,128,0")]));
        check(light, red(), Ok(&[("c", "on,,255")]));
    }

    #[test]
    fn colours_have_names() {
        assert_eq!(color("Red"), Some([255, 0, 0]));
        assert_eq!(color("plaid"), None);
        assert_eq!(hue_saturation([0, 0, 255]), (240.0, 100.0));
        assert_eq!(hue_saturation([9, 9, 9]), (0.0, 0.0));
        assert_eq!(xy([0, 0, 0]), (0.3227, 0.329));
    }
}
