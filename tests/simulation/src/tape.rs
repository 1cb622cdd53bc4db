//! The choices that make one conversation. A seed gives them without end; a recorded tape gives the same ones again.

/// Draws numbers and remembers them. The simplest choice is always 0, so that a tape with zeros, or one that ends early,
/// tells a simpler story.
#[derive(Clone, Debug)]
pub struct Tape {
    state: Option<u64>,
    drawn: Vec<u32>,
    position: usize,
}

impl Tape {
    /// The tape of a seed (SplitMix64), the same on every machine and in every version.
    pub fn of_seed(seed: u64) -> Self {
        Self {
            state: Some(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15)),
            drawn: Vec::new(),
            position: 0,
        }
    }

    /// A tape that was recorded, and zeros behind its end.
    pub fn recorded(drawn: Vec<u32>) -> Self {
        Self {
            state: None,
            drawn,
            position: 0,
        }
    }

    /// What was drawn so far.
    pub fn into_drawn(self) -> Vec<u32> {
        self.drawn
    }

    /// Below `bound`, which is above 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let next = match (&mut self.state, self.drawn.get(self.position)) {
            (_, Some(known)) => *known,
            (Some(state), None) => {
                let drawn = (split_mix(state) % bound as u64) as u32;
                self.drawn.push(drawn);
                drawn
            }
            (None, None) => 0,
        };
        self.position += 1;
        next as usize % bound
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) >= 100 - percent
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for index in (1..items.len()).rev() {
            // The simplest order is the one that is there.
            let other = index - self.below(index + 1);
            items.swap(index, other);
        }
    }
}

fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
