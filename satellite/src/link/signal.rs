//! How strong the wireless network is here, as Linux tells it.

/// In dBm, of the first wireless card; 0 where there is none.
pub fn dbm() -> i32 {
    std::fs::read_to_string("/proc/net/wireless").ok().and_then(|table| read(&table)).unwrap_or(0)
}

/// After two lines of headings: card, status, link quality, level, noise …; a level may end with a dot.
fn read(table: &str) -> Option<i32> {
    let level = table.lines().nth(2)?.split_whitespace().nth(3)?;
    level.trim_end_matches('.').parse().ok().filter(|dbm| (-200..0).contains(dbm))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_is_read_from_linux_table() {
        let headings = "Inter-| sta-|   Quality        |   Discarded packets               | Missed | WE\n \
                        face | tus | link level noise |  nwid  crypt   frag  retry   misc | beacon | 22\n";
        let check = |line: &str, expect| assert_eq!(read(&format!("{headings}{line}")), expect, "{line}");
        check(" wlan0: 0000   54.  -56.  -256        0      0      0      0      0        0\n", Some(-56));
        check(" wlan0: 0000   54   -61   -256        0      0      0      0      0        0\n", Some(-61));
        check("", None);
        check(" wlan0: 0000   54.  200.  -256\n", None);
        check(" wlan0: 0000\n", None);
    }
}
