//! The lines of a queue file.

/// Where the lines of a text begin.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    /// Finds the lines of `text`.
    pub(super) fn of(text: &str) -> Lines {
        Lines(text.match_indices('\n').map(|(at, _)| at + 1).collect())
    }

    /// Returns the line, from 1, of the byte at `at`.
    pub(super) fn at(&self, at: usize) -> u32 {
        u32::try_from(self.0.partition_point(|start| *start <= at) + 1).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_from_one() {
        let lines = Lines::of("a\r\n\nb");
        assert_eq!([0, 2, 3, 4, 99].map(|at| lines.at(at)), [1, 1, 2, 3, 3]);
    }
}
