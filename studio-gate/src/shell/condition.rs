//! Conditions of a script: what `[[ … ]]` compares, and where it runs what a word holds.

use super::walk::{Scope, Walk};
use brush_parser::ast::{BinaryPredicate, ExtendedTestExpr, UnaryPredicate, Word};
use studio_core::gate::Class;

impl Walk<'_> {
    /// Judges the commands in `[[ … ]]`, and what it reckons with.
    pub(super) fn test(&mut self, expr: &ExtendedTestExpr, scope: &Scope) {
        match expr {
            ExtendedTestExpr::And(one, other) | ExtendedTestExpr::Or(one, other) => {
                self.test(one, scope);
                self.test(other, scope);
            }
            ExtendedTestExpr::Not(inner) | ExtendedTestExpr::Parenthesized(inner) => self.test(inner, scope),
            ExtendedTestExpr::UnaryTest(predicate, word) => self.unary(predicate, word, scope),
            ExtendedTestExpr::BinaryTest(predicate, one, other) => self.binary(predicate, one, other, scope),
        }
    }

    fn unary(&mut self, predicate: &UnaryPredicate, word: &Word, scope: &Scope) {
        self.pattern(&word.value, scope);
        match predicate {
            UnaryPredicate::ShellVariableIsSetAndAssigned | UnaryPredicate::ShellVariableIsSetAndNameRef => {
                let why = "[[ -v ]] runs what the subscript of its word holds".into();
                self.note(scope, Class::Opaque, "subscript", why, "use [ -n \"${x:-}\" ]");
            }
            UnaryPredicate::FileExists
            | UnaryPredicate::FileExistsAndIsBlockSpecialFile
            | UnaryPredicate::FileExistsAndIsCharSpecialFile
            | UnaryPredicate::FileExistsAndIsDir
            | UnaryPredicate::FileExistsAndIsRegularFile
            | UnaryPredicate::FileExistsAndIsSetgid
            | UnaryPredicate::FileExistsAndIsSymlink
            | UnaryPredicate::FileExistsAndHasStickyBit
            | UnaryPredicate::FileExistsAndIsFifo
            | UnaryPredicate::FileExistsAndIsReadable
            | UnaryPredicate::FileExistsAndIsNotZeroLength
            | UnaryPredicate::FdIsOpenTerminal
            | UnaryPredicate::FileExistsAndIsSetuid
            | UnaryPredicate::FileExistsAndIsWritable
            | UnaryPredicate::FileExistsAndIsExecutable
            | UnaryPredicate::FileExistsAndOwnedByEffectiveGroupId
            | UnaryPredicate::FileExistsAndModifiedSinceLastRead
            | UnaryPredicate::FileExistsAndOwnedByEffectiveUserId
            | UnaryPredicate::FileExistsAndIsSocket
            | UnaryPredicate::ShellOptionEnabled
            | UnaryPredicate::StringHasZeroLength
            | UnaryPredicate::StringHasNonZeroLength => {}
        }
    }

    fn binary(&mut self, predicate: &BinaryPredicate, one: &Word, other: &Word, scope: &Scope) {
        match predicate {
            BinaryPredicate::ArithmeticEqualTo
            | BinaryPredicate::ArithmeticNotEqualTo
            | BinaryPredicate::ArithmeticLessThan
            | BinaryPredicate::ArithmeticLessThanOrEqualTo
            | BinaryPredicate::ArithmeticGreaterThan
            | BinaryPredicate::ArithmeticGreaterThanOrEqualTo => {
                for word in [one, other] {
                    self.arithmetic(word.value.trim_matches('"'), scope);
                }
            }
            BinaryPredicate::FilesReferToSameDeviceAndInodeNumbers
            | BinaryPredicate::LeftFileIsNewerOrExistsWhenRightDoesNot
            | BinaryPredicate::LeftFileIsOlderOrDoesNotExistWhenRightDoes
            | BinaryPredicate::StringExactlyMatchesPattern
            | BinaryPredicate::StringDoesNotExactlyMatchPattern
            | BinaryPredicate::StringMatchesRegex
            | BinaryPredicate::StringExactlyMatchesString
            | BinaryPredicate::StringDoesNotExactlyMatchString
            | BinaryPredicate::StringContainsSubstring
            | BinaryPredicate::LeftSortsBeforeRight
            | BinaryPredicate::LeftSortsAfterRight => [one, other].into_iter().for_each(|word| self.pattern(&word.value, scope)),
        }
    }
}
