//! Reads the facts about a library's file that a crash report contains.

use std::ops::Range;

use object::{
    LittleEndian,
    elf::{ELF_NOTE_GNU, NT_GNU_BUILD_ID, PF_X, PT_LOAD, ProgramHeader64},
    read::{ReadRef, elf::ProgramHeader},
};

use crate::process::crash_handler::LibraryImage;

impl LibraryImage {
    /// Reads the facts from the segments of a library's file. Facts that cannot be read are left out.
    pub(crate) fn from_segments<'data>(
        segments: &[ProgramHeader64<LittleEndian>],
        data: impl ReadRef<'data>,
    ) -> Self {
        let mut image = Self::default();
        for segment in segments {
            let start = segment.p_vaddr(LittleEndian);
            let runs = (segment.p_flags(LittleEndian) & PF_X).0 != 0;
            if segment.p_type(LittleEndian) == PT_LOAD && runs {
                let end = start.saturating_add(segment.p_memsz(LittleEndian));
                image.code = match image.code {
                    Range { start: 0, end: 0 } => start..end,
                    ref code => code.start.min(start)..code.end.max(end),
                };
            }
            let Ok(Some(mut notes)) = segment.notes(LittleEndian, data) else {
                continue;
            };
            while let Ok(Some(note)) = notes.next() {
                if note.name() == ELF_NOTE_GNU && note.n_type(LittleEndian) == NT_GNU_BUILD_ID {
                    image.build_id = note.desc().to_vec();
                }
            }
        }
        image
    }
}
