//! A Redis that keeps what it is told, as operators are asked to run it: an append-only file, synced every second. It can
//! come back without its last writes.

use anyhow::Context;
use harness::process::Process;
use harness::redis::{start_server, try_run, url};
use redis::{Cmd, FromRedisValue, cmd};
use std::path::{Path, PathBuf};
use store::testing::free_port;

#[derive(Debug)]
pub(crate) struct Durable {
    pub(crate) port: u16,
    process: Process,
    folder: PathBuf,
    settings: Vec<String>,
}

impl Durable {
    /// With its data in `folder`, which must exist.
    pub(crate) async fn start(folder: &Path, more: &[&str]) -> Self {
        let port = free_port();
        // Rewriting would begin a new file whenever it likes, and who cuts the file short needs to know which.
        let settings: Vec<String> = [
            "--appendonly",
            "yes",
            "--appendfsync",
            "everysec",
            "--auto-aof-rewrite-percentage",
            "0",
            "--aof-load-truncated",
            "yes",
            "--maxmemory-policy",
            "noeviction",
        ]
        .iter()
        .chain(more)
        .map(ToString::to_string)
        .collect();
        let process = start_server(folder, port, &settings).await;
        Self {
            port,
            process,
            folder: folder.to_owned(),
            settings,
        }
    }

    pub(crate) fn url(&self) -> String {
        url(self.port)
    }

    /// # Errors
    /// When it does not answer, or refuses.
    pub(crate) fn run<T: FromRedisValue>(&self, command: &Cmd) -> anyhow::Result<T> {
        Ok(try_run(self.port, command)?)
    }

    /// # Errors
    /// When it does not answer, or refuses.
    pub(crate) fn set(&self, setting: &str, value: &str) -> anyhow::Result<()> {
        self.run(cmd("CONFIG").arg("SET").arg(setting).arg(value))
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it with what is in its folder, and waits until it has loaded that.
    pub(crate) async fn restart(&mut self) {
        self.process = start_server(&self.folder, self.port, &self.settings).await;
    }

    pub(crate) fn freeze(&self) {
        self.process.signal("STOP");
    }

    pub(crate) fn thaw(&self) {
        self.process.signal("CONT");
    }

    /// How long its append-only file is now.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn written_bytes(&self) -> anyhow::Result<u64> {
        Ok(std::fs::metadata(self.file()?)?.len())
    }

    /// Cuts the file of the server, which must not run, to this length. What is torn by that is left out at loading.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn cut_to(&self, bytes: u64) -> anyhow::Result<()> {
        let file = std::fs::File::options().write(true).open(self.file()?)?;
        file.set_len(bytes)?;
        Ok(file.sync_all()?)
    }

    fn file(&self) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join("appendonlydir");
        let names = std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.path()));
        let mut names = names.collect::<anyhow::Result<Vec<_>>>()?;
        names.retain(|path| path.to_string_lossy().ends_with(".incr.aof"));
        names.sort();
        names.pop().context("Redis has written no append-only file")
    }
}
