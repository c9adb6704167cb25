//! An audit as text for a terminal: counts first, then the findings by section, in plain ASCII.

use super::{Audit, Section, Severity};
use std::fmt;

/// Every section, in the order of the report.
const SECTIONS: [Section; 6] = [Section::Wreck, Section::CannotFail, Section::Secrets, Section::Credentials, Section::Settings, Section::Gitops];

impl Audit {
    /// Returns how many findings have `severity`.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// Returns the audit as text for a terminal.
    pub fn render(&self) -> String {
        let counts = [Severity::High, Severity::Medium, Severity::Low, Severity::Note].map(|severity| format!("{} {severity}", self.count(severity)));
        let mut text = format!("{}  ({} files, {} KiB read)\n", counts.join(", "), self.files, self.bytes.div_ceil(1024));
        for section in SECTIONS {
            let mut findings = self.findings.iter().filter(|finding| finding.section == section).peekable();
            if findings.peek().is_some() {
                text.push_str(&format!("\n{section}\n"));
            }
            for finding in findings {
                text.push_str(&format!("  {:<6} {}:{}  [{}]\n", finding.severity, finding.path, finding.line, finding.rule));
                text.push_str(&format!("         {}\n         -> {}\n", finding.what, finding.mend));
            }
        }
        if self.left_out > 0 {
            text.push_str(&format!("\n{} more findings are left out; mend these first\n", self.left_out));
        }
        ascii(&text)
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Severity::High => "high",
            Severity::Medium => "medium",
            Severity::Low => "low",
            Severity::Note => "note",
        })
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Section::Wreck => "What an agent could wreck here",
            Section::CannotFail => "Scripts that cannot fail",
            Section::Secrets => "Secrets in the base",
            Section::Credentials => "Credentials in the checkout",
            Section::Settings => "Policy, queue and flags",
            Section::Gitops => "What the cluster follows",
        })
    }
}

fn ascii(text: &str) -> String {
    let show = |c: char| match c {
        '\u{2026}' => "...".to_string(),
        '\n' | ' '..='~' => c.to_string(),
        c => c.escape_unicode().to_string(),
    };
    text.chars().map(show).collect()
}
