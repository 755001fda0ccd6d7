//! Checks that the tables of a library that the dynamic loader reads lie inside the library's file.
//!
//! The loader trusts the file. If a table is missing from a damaged copy, or if the dynamic section gives a wrong
//! address for it, the loader reads memory that is not mapped. The process then dies before any code of the library has
//! run. This check examines only where the tables are, not the code. A copy in which other bytes changed is detected
//! only by the checksum in the manifest.

use object::{
    LittleEndian,
    elf::{
        DT_FINI, DT_FINI_ARRAY, DT_FINI_ARRAYSZ, DT_GNU_HASH, DT_HASH, DT_INIT, DT_INIT_ARRAY,
        DT_INIT_ARRAYSZ, DT_JMPREL, DT_NEEDED, DT_NULL, DT_PLTREL, DT_PLTRELSZ, DT_RELA,
        DT_RELAENT, DT_RELASZ, DT_RELR, DT_RELRENT, DT_RELRSZ, DT_RPATH, DT_RUNPATH, DT_SONAME,
        DT_STRSZ, DT_STRTAB, DT_SYMENT, DT_SYMTAB, DT_VERDEF, DT_VERNEED, DT_VERSYM, Dyn64,
        DynamicTag, PT_DYNAMIC, PT_LOAD, PT_TLS, ProgramHeader64, Sym64,
    },
    endian::U32,
    read::{
        ReadRef, StringTable,
        elf::{Dyn, ProgramHeader, Sym},
    },
};

/// The sizes of table entries. Unit: bytes. Source: ELF-64 Object File Format, version 1.5, figures 4 and 6, and the
/// generic ABI for `DT_RELR`.
const SYMBOL_SIZE: u64 = 24;
const RELOCATION_SIZE: u64 = 24;
const RELATIVE_RELOCATION_SIZE: u64 = 8;

/// The maximum number of entries that are read from a version list. Source: ours; glibc itself has some dozens.
const MAX_VERSIONS: usize = 1000;

/// The layout of a version list. Each entry of the list refers to an inner list. The numbers are the positions of words
/// in an entry, or in an entry of the inner list. Unit: words of four bytes.
#[derive(Clone, Copy)]
struct VersionListLayout {
    /// The word with the distance to the inner list.
    inner: u64,
    /// The word with the distance to the next entry. It is the last word of an entry.
    next: u64,
    /// The word with the distance to the next entry within the inner list.
    inner_next: u64,
}

/// The layout of `DT_VERNEED`. Source: Linux Standard Base Core 5.0, section 10.7, "Symbol Versioning".
const NEEDED_VERSIONS: VersionListLayout = VersionListLayout {
    inner: 2,
    next: 3,
    inner_next: 3,
};
const DEFINED_VERSIONS: VersionListLayout = VersionListLayout {
    inner: 3,
    next: 4,
    inner_next: 1,
};

/// The tables that have an address and a size in the dynamic section, each with the message for a table that is not
/// inside the file. Unit of the size: bytes.
const SIZED_TABLES: [(&str, DynamicTag, DynamicTag); 6] = [
    ("its strings are out of bounds", DT_STRTAB, DT_STRSZ),
    ("its relocations are out of bounds", DT_RELA, DT_RELASZ),
    (
        "its relocations of functions are out of bounds",
        DT_JMPREL,
        DT_PLTRELSZ,
    ),
    (
        "its relative relocations are out of bounds",
        DT_RELR,
        DT_RELRSZ,
    ),
    (
        "its constructors are out of bounds",
        DT_INIT_ARRAY,
        DT_INIT_ARRAYSZ,
    ),
    (
        "its destructors are out of bounds",
        DT_FINI_ARRAY,
        DT_FINI_ARRAYSZ,
    ),
];

/// Values that the loader requires. If one differs, the loader ends the process.
const FIXED_VALUES: [(DynamicTag, u64); 4] = [
    (DT_SYMENT, SYMBOL_SIZE),
    (DT_RELAENT, RELOCATION_SIZE),
    (DT_RELRENT, RELATIVE_RELOCATION_SIZE),
    (DT_PLTREL, DT_RELA.0 as u64),
];

/// The tables of a library that the loader reads.
pub(crate) struct Tables<'data, R> {
    data: R,
    segments: Vec<Segment>,
    dynamic: Vec<(DynamicTag, u64)>,
    symbols: &'data [Sym64<LittleEndian>],
}

/// A part of the file that the loader maps into memory.
struct Segment {
    address: u64,
    offset: u64,
    /// The size in the file. Unit: bytes.
    in_file: u64,
    /// The size in memory. Unit: bytes.
    in_memory: u64,
}

impl Segment {
    fn from_header(header: &ProgramHeader64<LittleEndian>) -> Self {
        Self {
            address: header.p_vaddr(LittleEndian),
            offset: header.p_offset(LittleEndian),
            in_file: header.p_filesz(LittleEndian),
            in_memory: header.p_memsz(LittleEndian),
        }
    }
}

impl<'data, R: ReadRef<'data>> Tables<'data, R> {
    /// Reads where the tables are, and checks that they lie inside the file. The error is the message for the first
    /// table that does not.
    pub(crate) fn parse(
        headers: &[ProgramHeader64<LittleEndian>],
        data: R,
    ) -> Result<Self, &'static str> {
        let kind = |wanted| {
            let of_kind = move |header: &&ProgramHeader64<_>| header.p_type(LittleEndian) == wanted;
            headers.iter().filter(of_kind).map(Segment::from_header)
        };
        let mut tables = Self {
            data,
            segments: kind(PT_LOAD).collect(),
            dynamic: Vec::new(),
            symbols: &[],
        };
        let dynamic = kind(PT_DYNAMIC).next().ok_or("it has no dynamic section")?;
        tables.dynamic = tables
            .entries(&dynamic)
            .ok_or("its dynamic section is out of bounds")?;
        for thread_local in kind(PT_TLS) {
            tables
                .offset(thread_local.address, thread_local.in_file)
                .ok_or("its thread-local variables are out of bounds")?;
        }
        tables.check()?;
        tables.symbols = tables.check_symbols()?;
        Ok(tables)
    }

    fn entries(&self, dynamic: &Segment) -> Option<Vec<(DynamicTag, u64)>> {
        let offset = self.offset(dynamic.address, dynamic.in_file)?;
        let size = size_of::<Dyn64<LittleEndian>>() as u64;
        let count = usize::try_from(dynamic.in_file / size).ok()?;
        let all = self
            .data
            .read_slice_at::<Dyn64<LittleEndian>>(offset, count);
        let all = all.ok()?;
        // The loader reads entries until it finds this one.
        let end = all
            .iter()
            .position(|entry| entry.d_tag(LittleEndian) == DT_NULL)?;
        let entries = all[..end].iter();
        let entries = entries.map(|entry| (entry.d_tag(LittleEndian), entry.d_val(LittleEndian)));
        Some(entries.collect())
    }

    fn check(&self) -> Result<(), &'static str> {
        for (what, address, size) in SIZED_TABLES {
            if !self.is_sized_table_inside(address, size) {
                return Err(what);
            }
        }
        for (tag, expected) in FIXED_VALUES {
            if self.value(tag).is_some_and(|value| value != expected) {
                return Err("its dynamic section contradicts itself");
            }
        }
        for tag in [DT_INIT, DT_FINI] {
            if !self
                .value(tag)
                .is_none_or(|address| self.is_mapped(address))
            {
                return Err("its first or last function is out of bounds");
            }
        }
        self.check_strings()
    }

    fn check_symbols(&self) -> Result<&'data [Sym64<LittleEndian>], &'static str> {
        let count = self
            .symbol_count()
            .ok_or("the hash table of its symbols is out of bounds")?;
        let are_inside = |tag, size| {
            let length = count.checked_mul(size);
            self.value(tag)
                .is_none_or(|at| length.is_some_and(|length| self.offset(at, length).is_some()))
        };
        if self.value(DT_SYMTAB).is_none() || !are_inside(DT_SYMTAB, SYMBOL_SIZE) {
            return Err("its symbols are out of bounds");
        }
        let strings = self.value(DT_STRSZ).unwrap_or_default();
        let is_inside = |symbol: &Sym64<_>| u64::from(symbol.st_name(LittleEndian)) < strings;
        let symbols = self.symbols(count).unwrap_or_default();
        if !symbols.iter().all(is_inside) {
            return Err("the name of a symbol is out of bounds");
        }
        let versions = [(DT_VERNEED, NEEDED_VERSIONS), (DT_VERDEF, DEFINED_VERSIONS)];
        let mut lists = versions.into_iter();
        if !are_inside(DT_VERSYM, 2)
            || !lists.all(|(tag, layout)| self.value(tag).is_none_or(|at| self.is_list(at, layout)))
        {
            return Err("the versions of its symbols are out of bounds");
        }
        Ok(symbols)
    }

    fn is_sized_table_inside(&self, address: DynamicTag, size: DynamicTag) -> bool {
        match (self.value(address), self.value(size)) {
            (None, _) | (Some(_), Some(0)) => true,
            (Some(address), Some(size)) => self.offset(address, size).is_some(),
            (Some(_), None) => false,
        }
    }

    fn check_strings(&self) -> Result<(), &'static str> {
        let (Some(address), Some(size)) = (self.value(DT_STRTAB), self.value(DT_STRSZ)) else {
            return Err("it has no table of strings");
        };
        let last = size.checked_sub(1).and_then(|last| {
            let offset = self.offset(address.checked_add(last)?, 1)?;
            self.data.read_at::<u8>(offset).ok().copied()
        });
        if last != Some(0) {
            return Err("its table of strings has no end");
        }
        for (tag, value) in &self.dynamic {
            if [DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH].contains(tag) && *value >= size {
                return Err("the name of a library that it needs is out of bounds");
            }
        }
        Ok(())
    }

    /// Reports whether the symbol table that the loader reads has a symbol with this name.
    pub(crate) fn defines(&self, name: &[u8]) -> bool {
        let table = self.value(DT_STRTAB).zip(self.value(DT_STRSZ));
        let strings = table.and_then(|(address, size)| {
            let begin = self.offset(address, size)?;
            Some(StringTable::new(self.data, begin, begin.checked_add(size)?))
        });
        let strings = strings.unwrap_or_default();
        self.symbols.iter().any(|symbol| {
            !symbol.is_undefined(LittleEndian)
                && symbol.name(LittleEndian, strings) == Ok(name)
                && self.is_mapped(symbol.st_value(LittleEndian))
        })
    }

    fn symbols(&self, count: u64) -> Option<&'data [Sym64<LittleEndian>]> {
        let offset = self.offset(self.value(DT_SYMTAB)?, count.checked_mul(SYMBOL_SIZE)?)?;
        let count = usize::try_from(count).ok()?;
        self.data.read_slice_at(offset, count).ok()
    }

    /// Returns the number of symbols, which is recorded only in the hash table; `None` if the hash table is not inside
    /// the file.
    fn symbol_count(&self) -> Option<u64> {
        match (self.value(DT_GNU_HASH), self.value(DT_HASH)) {
            (Some(address), _) => self.count_by_gnu_hash(address),
            (None, Some(address)) => {
                let [buckets, chains] = [self.word(address, 0)?, self.word(address, 1)?];
                let words = u64::from(buckets) + u64::from(chains) + 2;
                self.offset(address, words * 4)?;
                Some(chains.into())
            }
            (None, None) => Some(0),
        }
    }

    /// Counts the symbols in a GNU hash table. It consists of a header of four words, a Bloom filter of 64-bit words,
    /// the buckets, and one chain for each bucket. The last word of a chain is odd.
    fn count_by_gnu_hash(&self, address: u64) -> Option<u64> {
        let [buckets, first, filter] = [0, 1, 2].map(|position| self.word(address, position));
        let (buckets, first, filter) = (buckets?, first?, filter?);
        if filter & filter.wrapping_sub(1) != 0 {
            return None;
        }
        let table = 4 + u64::from(filter) * 2;
        self.offset(address, (table + u64::from(buckets)) * 4)?;
        let mut last = 0;
        for position in 0..u64::from(buckets) {
            let bucket = self.word(address, table + position)?;
            if bucket != 0 && bucket < first {
                return None;
            }
            last = last.max(bucket);
        }
        if last == 0 {
            return Some(first.into());
        }
        let chains = table + u64::from(buckets);
        let mut symbol = u64::from(last);
        while self.word(address, chains + symbol - u64::from(first))? & 1 == 0 {
            symbol += 1;
        }
        Some(symbol + 1)
    }

    /// Reports whether all entries of a version list and of its inner lists are inside the file.
    fn is_list(&self, address: u64, layout: VersionListLayout) -> bool {
        let inner = |entry: &u64| {
            let distance = self.word(*entry, layout.inner)?;
            self.chain(entry.checked_add(distance.into())?, layout.inner_next)
        };
        self.chain(address, layout.next)
            .is_some_and(|entries| entries.iter().all(|entry| inner(entry).is_some()))
    }

    /// Returns the addresses of the entries of a list; `None` if an entry is outside the file. The last word of each
    /// entry is the distance to the next one.
    fn chain(&self, mut address: u64, last_word: u64) -> Option<Vec<u64>> {
        let mut entries = Vec::new();
        while entries.len() < MAX_VERSIONS {
            let distance = self.word(address, last_word)?;
            entries.push(address);
            if distance == 0 {
                return Some(entries);
            }
            address = address.checked_add(distance.into())?;
        }
        None
    }

    /// Returns the value of an entry of the dynamic section. If there are several entries with this tag, the last one
    /// is used, as in the loader.
    fn value(&self, tag: DynamicTag) -> Option<u64> {
        let mut entries = self.dynamic.iter().rev();
        let (_, value) = entries.find(|(other, _)| *other == tag)?;
        Some(*value)
    }

    /// Returns the four-byte word at this position of the table at this address.
    fn word(&self, address: u64, position: u64) -> Option<u32> {
        let offset = self.offset(address.checked_add(position.checked_mul(4)?)?, 4)?;
        let word = self.data.read_at::<U32<LittleEndian>>(offset).ok()?;
        Some(word.get(LittleEndian))
    }

    /// Returns the offset in the file of a range of memory; `None` if the file does not contain the whole range.
    fn offset(&self, address: u64, length: u64) -> Option<u64> {
        self.segments.iter().find_map(|segment| {
            let begin = address.checked_sub(segment.address)?;
            let is_inside = begin.checked_add(length)? <= segment.in_file;
            is_inside.then(|| segment.offset.checked_add(begin))?
        })
    }

    /// Reports whether a segment maps this address.
    fn is_mapped(&self, address: u64) -> bool {
        self.segments.iter().any(|segment| {
            address
                .checked_sub(segment.address)
                .is_some_and(|begin| begin < segment.in_memory)
        })
    }
}
