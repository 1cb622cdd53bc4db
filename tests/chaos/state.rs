//! Where a system under test keeps its state.

use crate::cluster::Cluster;
use crate::disk::Disk;
use crate::durable::Durable;
use crate::pair::Pair;
use crate::proxy::Proxy;
use std::path::Path;
use std::time::Duration;

/// Of a slow network to Redis, one way: there is lag for long.
const SLOW: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// One Redis with an append-only file.
    Single,
    /// The same, reached through a proxy.
    Proxied,
    /// The same, over a slow network.
    Slow,
    /// The same, with its file on a disk that can be filled.
    SmallDisk,
    /// A primary and a replica behind one address.
    Pair,
    Cluster,
}

#[derive(Debug)]
pub(crate) enum State {
    Single(Durable),
    Proxied(Durable, Proxy),
    SmallDisk(Durable, Disk),
    Pair(Pair),
    Cluster(Cluster),
}

impl State {
    /// # Errors
    /// When a folder cannot be made, a disk not be mounted, or servers refuse each other.
    pub(crate) async fn start(place: Place, folder: &Path) -> anyhow::Result<Self> {
        Ok(match place {
            Place::Single => Self::Single(Durable::start(folder, &[]).await),
            Place::Proxied => {
                let redis = Durable::start(folder, &[]).await;
                let proxy = Proxy::start(0, redis.port).await?;
                Self::Proxied(redis, proxy)
            }
            Place::Slow => {
                let redis = Durable::start(folder, &[]).await;
                let proxy = Proxy::start(0, redis.port).await?;
                proxy.delay(SLOW);
                Self::Proxied(redis, proxy)
            }
            Place::SmallDisk => {
                let disk = Disk::mount(folder)?;
                Self::SmallDisk(Durable::start(folder, &[]).await, disk)
            }
            Place::Pair => Self::Pair(Pair::start(folder).await?),
            Place::Cluster => Self::Cluster(Cluster::start(folder).await?),
        })
    }

    /// As the processors and gateways are told.
    pub(crate) fn urls(&self) -> Vec<String> {
        match self {
            Self::Single(redis) | Self::SmallDisk(redis, _) => vec![redis.url()],
            Self::Proxied(_, proxy) => vec![harness::redis::url(proxy.port)],
            Self::Pair(pair) => vec![pair.url()],
            Self::Cluster(cluster) => cluster.urls(),
        }
    }

    /// # Panics
    /// When it is no single server.
    pub(crate) fn single(&mut self) -> &mut Durable {
        match self {
            Self::Single(redis) | Self::Proxied(redis, _) | Self::SmallDisk(redis, _) => redis,
            Self::Pair(_) | Self::Cluster(_) => panic!("the scenario has several servers"),
        }
    }

    /// # Panics
    /// When it is reached without one.
    pub(crate) fn proxy(&self) -> &Proxy {
        match self {
            Self::Proxied(_, proxy) => proxy,
            _ => panic!("the scenario has no proxy before Redis"),
        }
    }

    /// # Panics
    /// When it has one that cannot be filled.
    pub(crate) fn disk(&self) -> &Disk {
        match self {
            Self::SmallDisk(_, disk) => disk,
            _ => panic!("the scenario has no disk of its own"),
        }
    }

    /// # Panics
    /// When it is something else.
    pub(crate) fn pair(&mut self) -> &mut Pair {
        match self {
            Self::Pair(pair) => pair,
            _ => panic!("the scenario has no replica"),
        }
    }

    /// # Panics
    /// When it is something else.
    pub(crate) fn cluster(&mut self) -> &mut Cluster {
        match self {
            Self::Cluster(cluster) => cluster,
            _ => panic!("the scenario has no cluster"),
        }
    }
}
