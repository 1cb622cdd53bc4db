//! Lua scripts: one round trip by hash, and the whole text only when the server does not know it.

use redis::{Cmd, ToRedisArgs};
use std::sync::OnceLock;

/// A script that stands beside this file.
#[derive(Debug)]
pub(crate) struct Script {
    text: &'static str,
    hash: OnceLock<String>,
}

/// Scripts of several files are their texts one after the other.
macro_rules! scripts {
    ($($name:ident = $($file:literal)+;)*) => {
        $(pub(crate) static $name: Script = Script {
            text: concat!($(include_str!(concat!("scripts/", $file))),+),
            hash: OnceLock::new(),
        };)*
    };
}

scripts! {
    LOAD = "load.lua";
    COMMIT = "commit.lua";
    INDEX = "index.lua";
    PLACES = "places.lua";
    FORGET = "forget.lua";
    SETTLE_DUE = "settle_due.lua";
    SETTLED = "settled.lua";
    CONFIRM_DUE = "confirm_due.lua";
    PUT_BOUNDED = "put_bounded.lua";
    TALLY = "tally.lua";
    FORGET_LIST = "forget_list.lua";
    CLAIM_SWEEP = "claim_sweep.lua";
    HOLD = "hold.lua";
    SAVE_JOINT = "save_joint.lua";
    LOOK_PROGRESS = "progress/server.lua" "progress/look.lua";
    BEGIN_EPOCH = "progress/server.lua" "progress/begin_epoch.lua";
    CLAIM = "progress/server.lua" "progress/claim.lua";
    SAVE_PROGRESS = "progress/server.lua" "progress/save.lua";
    IS_CURRENT = "progress/server.lua" "progress/is_current.lua";
}

impl Script {
    fn hash(&self) -> &str {
        self.hash
            .get_or_init(|| redis::Script::new(self.text).get_hash().to_owned())
    }

    pub(crate) fn call(&'static self) -> Call {
        Call {
            script: self,
            keys: Vec::new(),
            args: Vec::new(),
        }
    }
}

/// A script with its keys, all of one slot, and its arguments.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    script: &'static Script,
    keys: Vec<String>,
    args: Vec<Vec<u8>>,
}

impl Call {
    /// Adds a key and returns its position as Lua counts.
    pub(crate) fn key(&mut self, key: String) -> usize {
        self.keys.push(key);
        self.keys.len()
    }

    pub(crate) fn arg(&mut self, arg: impl ToRedisArgs) -> &mut Self {
        arg.write_redis_args(&mut self.args);
        self
    }

    pub(crate) fn by_hash(&self) -> Cmd {
        self.command("EVALSHA", self.script.hash())
    }

    /// Also makes the server remember it. In a cluster this goes to the node of the keys, the one that lacks it.
    pub(crate) fn by_text(&self) -> Cmd {
        self.command("EVAL", self.script.text)
    }

    fn command(&self, name: &str, script: &str) -> Cmd {
        let mut command = redis::cmd(name);
        command
            .arg(script)
            .arg(self.keys.len())
            .arg(&self.keys)
            .arg(&self.args);
        command
    }
}
