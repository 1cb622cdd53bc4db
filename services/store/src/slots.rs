//! Which slot of a cluster a key is in: keys of one slot are on one server.

use redis::{Arg, Cmd};

pub(crate) const SLOTS: u16 = 16_384;

/// The slot of a hash tag: CRC16/XMODEM, as the Redis Cluster specification says.
pub(crate) fn slot(tag: &[u8]) -> u16 {
    let crc = tag.iter().fold(0u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 0x1021
            }
        })
    });
    crc % SLOTS
}

/// The slot of a key: that of its hash tag, if it has one.
fn slot_of_key(key: &[u8]) -> u16 {
    let find = |text: &[u8], wanted: u8| text.iter().position(|byte| *byte == wanted);
    let tag = find(key, b'{').and_then(|open| {
        let rest = key.get(open + 1..)?;
        rest.get(..find(rest, b'}')?).filter(|tag| !tag.is_empty())
    });
    slot(tag.unwrap_or(key))
}

/// The slot of the keys of a command; `None` for commands without keys, which go anywhere or everywhere.
pub(crate) fn slot_of(command: &Cmd) -> Option<u16> {
    let argument = |position| match command.args_iter().nth(position) {
        Some(Arg::Simple(bytes)) => Some(bytes),
        _ => None,
    };
    let key = match argument(0)? {
        b"EVAL" | b"EVALSHA" => argument(3),
        b"PING" | b"INFO" | b"TIME" | b"CLUSTER" | b"PUBLISH" | b"SCAN" => None,
        _ => argument(1),
    };
    key.map(slot_of_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        assert_eq!(slot(b"123456789"), 0x31c3);
        assert_eq!(slot(b"foo"), 12_182);
    }

    #[test]
    fn the_tag_of_a_key_decides() {
        assert_eq!(slot_of_key(b"a:{foo}:b"), slot(b"foo"));
        assert_eq!(slot_of_key(b"{foo}{bar}"), slot(b"foo"));
        for key in ["foo", "{}foo", "{foo", "fo}o{"] {
            assert_eq!(slot_of_key(key.as_bytes()), slot(key.as_bytes()), "{key}");
        }
    }

    #[test]
    fn commands_are_where_their_keys_are() {
        let of = |arguments: &[&str]| {
            let mut command = redis::cmd(arguments[0]);
            command.arg(&arguments[1..]);
            slot_of(&command)
        };
        assert_eq!(of(&["HGETALL", "foo"]), Some(slot(b"foo")));
        assert_eq!(of(&["EVALSHA", "0f", "1", "foo", "x"]), Some(slot(b"foo")));
        assert_eq!(of(&["PING"]), None);
        assert_eq!(of(&["PUBLISH", "foo", "x"]), None);
    }
}
