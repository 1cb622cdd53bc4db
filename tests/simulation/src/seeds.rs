//! Playing many seeds, and what the environment says of how many.

/// What `play` says of every seed from one to `seeds`, in the order of the seeds. Played on all cores.
///
/// # Panics
/// When `play` does.
pub fn play_seeds<T, P>(seeds: u64, play: P) -> Vec<(u64, T)>
where
    T: Send,
    P: Fn(u64) -> T + Sync,
{
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let play_share = |first: u64| -> Vec<(u64, T)> {
        let share = (first..=seeds).step_by(workers);
        share.map(|seed| (seed, play(seed))).collect()
    };
    let play_share = &play_share;
    let mut played: Vec<_> = std::thread::scope(|scope| {
        let shares: Vec<_> = (1..=workers as u64)
            .map(|first| scope.spawn(move || play_share(first)))
            .collect();
        shares
            .into_iter()
            .flat_map(|share| share.join().expect("playing does not panic"))
            .collect()
    });
    played.sort_unstable_by_key(|(seed, _)| *seed);
    played
}

/// The number that this variable of the environment holds; nothing when it is not set.
///
/// # Panics
/// When it holds something else than a number.
#[must_use]
pub fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| {
        text.parse()
            .unwrap_or_else(|_| panic!("{variable} must be a number"))
    })
}
