//! A disk so small that it can be filled.

use anyhow::ensure;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Holds what the load takes, and some room.
const DISK_MIB: u32 = 256;
const BALLAST: &str = "ballast";
/// Written at once while filling.
const CHUNK_BYTES: usize = 64 * 1024;

/// Mounted until dropped.
#[derive(Debug)]
pub(crate) struct Disk(PathBuf);

impl Disk {
    /// Only root can mount one.
    pub(crate) fn is_possible() -> bool {
        let id = Command::new("id").arg("-u").output();
        id.is_ok_and(|output| output.stdout.starts_with(b"0\n"))
    }

    /// # Errors
    /// When it cannot be mounted there.
    pub(crate) fn mount(folder: &Path) -> anyhow::Result<Self> {
        let size = format!("size={DISK_MIB}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder)
            .status()?;
        ensure!(mounted.success(), "no disk at {}", folder.display());
        Ok(Self(folder.to_owned()))
    }

    /// Leaves no room.
    ///
    /// # Errors
    /// When the file that takes it cannot be made.
    pub(crate) fn fill(&self) -> anyhow::Result<()> {
        use std::io::Write as _;
        let mut ballast = std::fs::File::create(self.0.join(BALLAST))?;
        let chunk = vec![1; CHUNK_BYTES];
        // Ends with the error that says that it is full.
        while ballast.write_all(&chunk).is_ok() {}
        Ok(())
    }

    /// # Errors
    /// When it was not filled.
    pub(crate) fn empty(&self) -> anyhow::Result<()> {
        Ok(std::fs::remove_file(self.0.join(BALLAST))?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: who still has a file there ends by itself.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
