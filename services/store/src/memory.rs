//! How full the servers are. A full one refuses writes, and everything waits until it no longer is.

use crate::connect::{field, texts};
use crate::{Error, Store};
use redis::Value;

/// The memory of one primary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pub used_bytes: u64,
    /// `maxmemory`; `None` when the server may take as much as it wants.
    pub max_bytes: Option<u64>,
}

impl Store {
    /// The memory of every primary.
    pub async fn memory(&self) -> Result<Vec<Memory>, Error> {
        let mut command = redis::cmd("INFO");
        command.arg("memory");
        let answer = self.connection.query::<Value>(&command).await?;
        Ok(texts(answer).iter().map(|info| parse(info)).collect())
    }
}

fn parse(info: &str) -> Memory {
    let number = |name| field(info, name).and_then(|text| text.parse().ok());
    Memory {
        used_bytes: number("used_memory").unwrap_or_default(),
        max_bytes: number("maxmemory").filter(|bytes| *bytes > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_no_number() {
        let text = "# Memory\r\nused_memory:1048576\r\nused_memory_human:1.00M\r\nmaxmemory:0\r\n";
        let memory = parse(text);
        assert_eq!((memory.used_bytes, memory.max_bytes), (1_048_576, None));
        assert_eq!(parse("maxmemory:2\r\n").max_bytes, Some(2));
    }
}
