//! The reader of one file's source, and of the files of the modules that it declares.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use proc_macro2::{TokenStream, TokenTree};
use syn::{
    Attribute, Item, Meta, MetaList, Token, UseTree, punctuated::Punctuated, spanned::Spanned,
    visit::Visit,
};

use crate::{File, ModulePath};

/// Reads the file of a module, and those of the modules that it declares.
pub(crate) fn read_module(
    path: &Path,
    sources: &Path,
    module: ModulePath,
    files: &mut BTreeMap<ModulePath, File>,
) {
    let text = fs_err::read_to_string(path).expect("a source file");
    let syntax = syn::parse_file(&text)
        .unwrap_or_else(|error| panic!("{}: not Rust: {error}", path.display()));
    let mut reader = Reader {
        module: module.clone(),
        nested: Vec::new(),
        file: File {
            path: path
                .strip_prefix(sources)
                .expect("a file of the crate")
                .to_owned(),
            ..File::default()
        },
        declared: Vec::new(),
        names: BTreeMap::new(),
        paths: Vec::new(),
        test_lines: BTreeSet::new(),
    };
    // A `use` may come before the module that it names.
    let modules = syntax.items.iter().filter_map(|item| match item {
        Item::Mod(module) if module.content.is_none() && !is_test(&module.attrs) => Some(module),
        _ => None,
    });
    let declared = modules.map(|module| module.ident.to_string());
    reader.declared.extend(declared);
    reader.items(&syntax.items);
    reader.follow_names();
    let lines = text.lines().enumerate();
    let code = lines.filter(|(number, line)| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with("//") && !reader.test_lines.contains(&(number + 1))
    });
    reader.file.code_lines = code.count();
    // `lib.rs` and `main.rs` have their modules beside them, others in a folder of their name.
    let is_root = path
        .file_stem()
        .is_some_and(|stem| stem == "lib" || stem == "main");
    let folder = if is_root {
        path.with_file_name("")
    } else {
        path.with_extension("")
    };
    let declared = std::mem::take(&mut reader.declared);
    files.insert(module.clone(), reader.file);
    let module = if is_root { Vec::new() } else { module };
    for name in declared {
        let child = folder.join(format!("{name}.rs"));
        assert!(
            child.is_file(),
            "{}: there is no such file for a module",
            child.display()
        );
        if !files.contains_key(&[module.as_slice(), std::slice::from_ref(&name)].concat()) {
            read_module(
                &child,
                sources,
                [module.clone(), vec![name]].concat(),
                files,
            );
        }
    }
}

/// A reader of one file.
struct Reader {
    module: ModulePath,
    /// Modules without a file of their own, around the current item.
    nested: Vec<String>,
    file: File,
    declared: Vec<String>,
    /// The names that a `use` brings into the file: a path of this crate, or one of another.
    names: BTreeMap<String, Named>,
    /// Paths that begin with a name, to be followed when all names are known.
    paths: Vec<ModulePath>,
    test_lines: BTreeSet<usize>,
}

/// The target of a name.
enum Named {
    Own(ModulePath),
    Foreign(ModulePath),
}

/// Types with a name that begins with a small letter.
const PRIMITIVES: [&str; 17] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "str", "u8", "u16",
    "u32", "u64", "u128", "usize",
];

impl Reader {
    fn items(&mut self, items: &[Item]) {
        for item in items {
            self.visit_item(item);
        }
    }

    /// Completes a path; `None`: it is not of this crate.
    fn resolve(&self, path: &[String]) -> Option<ModulePath> {
        // A root file is its crate.
        let own: &[String] = if self.module == ["main"] {
            &[]
        } else {
            &self.module
        };
        let mut base = [own, self.nested.as_slice()].concat();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                base.clear();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    base.pop();
                    rest = &rest[1..];
                }
            }
            // A module that this file declares.
            name if self.declared.iter().any(|declared| declared == name) => {}
            _ => return None,
        }
        Some([base.as_slice(), rest].concat())
    }

    fn uses(&mut self, path: &[String]) {
        // `crate` alone is a visibility.
        if path.len() > 1 {
            match self.resolve(path) {
                Some(path) => {
                    self.file.uses.insert(path);
                }
                None => self.paths.push(path.to_vec()),
            }
        }
    }

    /// Follows the paths that begin with the name of a `use`, or of another crate.
    fn follow_names(&mut self) {
        for path in std::mem::take(&mut self.paths) {
            let (first, rest) = path.split_first().expect("a path has names");
            match self.names.get(first) {
                Some(Named::Own(origin)) => {
                    let path = [origin.as_slice(), rest].concat();
                    self.file.uses.insert(path);
                }
                Some(Named::Foreign(origin)) => {
                    let path = [origin.as_slice(), rest].concat();
                    self.file.foreign.insert(path);
                }
                None if self.is_crate(first) => {
                    self.file.foreign.insert(path);
                }
                None => {}
            }
        }
    }

    /// Reports whether this may begin the path of another crate.
    fn is_crate(&self, name: &str) -> bool {
        name.starts_with(|first: char| first.is_ascii_lowercase())
            && !PRIMITIVES.contains(&name)
            && !self.file.items.contains(name)
            && !self.declared.iter().any(|declared| declared == name)
    }

    fn use_tree(&mut self, tree: &UseTree, before: &[String], is_reexport: bool) {
        let mut path = before.to_vec();
        match tree {
            UseTree::Path(tree_path) => {
                path.push(tree_path.ident.to_string());
                self.use_tree(&tree_path.tree, &path, is_reexport);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.use_tree(tree, before, is_reexport);
                }
            }
            UseTree::Name(name) => {
                if name.ident != "self" {
                    path.push(name.ident.to_string());
                }
                self.import(path, None, is_reexport);
            }
            UseTree::Rename(rename) => {
                if rename.ident != "self" {
                    path.push(rename.ident.to_string());
                }
                self.import(path, Some(rename.rename.to_string()), is_reexport);
            }
            UseTree::Glob(_) => match self.resolve(&path) {
                Some(path) if is_reexport => self.file.globs.push(path),
                Some(path) => {
                    self.file.uses.insert(path);
                }
                None => {
                    path.push("*".to_owned());
                    self.paths.push(path);
                }
            },
        }
    }

    fn import(&mut self, path: ModulePath, name: Option<String>, is_reexport: bool) {
        let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
        match self.resolve(&path) {
            Some(origin) if is_reexport => {
                self.file.reexports.insert(name, origin);
            }
            Some(origin) => {
                self.file.uses.insert(origin.clone());
                self.names.insert(name, Named::Own(origin));
            }
            None => {
                if path.first().is_some_and(|first| self.is_crate(first)) {
                    self.names.insert(name, Named::Foreign(path.clone()));
                    self.file.foreign.insert(path);
                }
            }
        }
    }

    /// Reads the paths in the body of a macro's call.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: ModulePath = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.uses(&std::mem::take(&mut path));
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                other => {
                    self.uses(&std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.uses(&path);
    }

    fn function(&mut self, name: &syn::Ident, whole: &impl Spanned) {
        let span = whole.span();
        let lines = span.end().line + 1 - span.start().line;
        if lines > self.file.longest_function.0 {
            self.file.longest_function = (lines, name.to_string());
        }
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast Item) {
        if is_test(attributes_of(item)) {
            let span = item.span();
            self.test_lines.extend(span.start().line..=span.end().line);
            return;
        }
        if let (true, Some(name)) = (self.nested.is_empty(), name_of(item)) {
            self.file.items.insert(name);
        }
        match item {
            Item::Mod(module) => {
                if let Some((_, items)) = &module.content {
                    let name = module.ident.to_string();
                    if self.nested.is_empty() {
                        self.file.items.insert(name.clone());
                    }
                    self.nested.push(name);
                    self.items(items);
                    self.nested.pop();
                }
            }
            Item::Use(item) => {
                let is_reexport = !matches!(item.vis, syn::Visibility::Inherited);
                self.use_tree(&item.tree, &[], is_reexport);
            }
            Item::Fn(function) => {
                self.function(&function.sig.ident, function);
                syn::visit::visit_item_fn(self, function);
            }
            other => syn::visit::visit_item(self, other),
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if is_test(&function.attrs) {
            let span = function.span();
            self.test_lines.extend(span.start().line..=span.end().line);
            return;
        }
        self.function(&function.sig.ident, function);
        syn::visit::visit_impl_item_fn(self, function);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<_> = path
            .segments
            .iter()
            .map(|it| it.ident.to_string())
            .collect();
        if names.len() > 1 {
            self.uses(&names);
        }
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }

    /// Skips attributes such as `#[derive(serde::Serialize)]`.
    fn visit_meta_list(&mut self, list: &'ast syn::MetaList) {
        self.visit_path(&list.path);
        self.tokens(list.tokens.clone());
    }

    /// Skips visibilities such as `pub(in crate::a)`: they are no imports.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let condition = attribute.parse_args::<Meta>();
        let is_cfg = attribute.path().is_ident("cfg");
        is_cfg && condition.is_ok_and(|condition| needs_test(&condition))
            || attribute.path().is_ident("test")
    })
}

/// Reports whether a condition of `cfg` holds in tests alone. `feature = "testing"` and `not(test)` do not.
fn needs_test(condition: &Meta) -> bool {
    let parts = |list: &MetaList| {
        let parts = Punctuated::<Meta, Token![,]>::parse_terminated;
        list.parse_args_with(parts).unwrap_or_default()
    };
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => parts(list).iter().any(needs_test),
        Meta::List(list) if list.path.is_ident("any") => parts(list).iter().all(needs_test),
        Meta::List(_) | Meta::NameValue(_) => false,
    }
}

fn attributes_of(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}
