//! Tools for a to-do list that is stored between calls. A client with a session has one list in it. For other clients,
//! the first call creates a list and returns a handle, which later calls pass as an argument.

use plugin_sdk::{Handle, StateError, StateErrorKind, StoredState, prelude::*, serde_json::Value};

/// The maximum number of items on a list.
const MAX_ITEMS: usize = 500;

/// Something to do.
#[data]
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The task.
    text: String,
    /// Is it done?
    done: bool,
}

/// A list of things to do.
#[data]
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Todos {
    /// The items in order of addition. The first has number 1.
    items: Vec<Item>,
}

/// A list, and how to come back to it.
#[data]
#[derive(Debug)]
pub struct Listed {
    /// Pass this as `list` in the next calls; absent in a session, which has its own list.
    #[serde(skip_serializing_if = "Option::is_none")]
    list: Option<Handle>,
    /// The things to do, in order of addition. The first has number 1.
    items: Vec<Item>,
}

/// Put something on the list of things to do, and see the whole list.
///
/// # Arguments
/// * `text` - The task.
/// * `list` - The list of an earlier answer; without it, the session's list, or a new one.
#[tool]
pub fn add_todo(
    text: String,
    list: Option<Handle>,
    context: Context,
) -> Result<Json<Listed>, ToolError> {
    let item = Item { text, done: false };
    let (state, list) = match open(&context, list) {
        Ok(opened) => opened,
        // The client has no session and passed no list: create a new one.
        Err(error) if error.kind() == StateErrorKind::NoSession => {
            let items = vec![item];
            let list = context.state().create(&Todos {
                items: items.clone(),
            })?;
            return Ok(Json(Listed {
                list: Some(list),
                items,
            }));
        }
        Err(error) => return Err(error.into()),
    };
    let items = state.try_update(|todos: &mut Todos| {
        if todos.items.len() >= MAX_ITEMS {
            let full = format!("the list is full: it has {MAX_ITEMS} items; clear it");
            return Err(ToolError::new(full));
        }
        todos.items.push(item.clone());
        Ok(todos.items.clone())
    })?;
    Ok(Json(Listed { list, items }))
}

/// See the list of things to do.
///
/// # Arguments
/// * `list` - The list of an earlier answer; without it, the session's list.
#[tool(read_only)]
pub fn list_todos(list: Option<Handle>, context: Context) -> Result<Json<Listed>, ToolError> {
    let (state, list) = open(&context, list)?;
    let Todos { items } = state.get()?.unwrap_or_default();
    Ok(Json(Listed { list, items }))
}

/// Mark something on the list of things to do as done.
///
/// # Arguments
/// * `number` - Its number: the first on the list has number 1.
/// * `list` - The list of an earlier answer; without it, the session's list.
#[tool(idempotent)]
pub fn finish_todo(
    number: usize,
    list: Option<Handle>,
    context: Context,
) -> Result<Json<Listed>, ToolError> {
    let (state, list) = open(&context, list)?;
    let items = state.try_update(|todos: &mut Todos| {
        let length = todos.items.len();
        let index = number.checked_sub(1);
        let item = index.and_then(|index| todos.items.get_mut(index));
        let Some(item) = item else {
            let none = format!("there is no item {number}: the list has {length} items");
            return Err(ToolError::new(none));
        };
        item.done = true;
        Ok(todos.items.clone())
    })?;
    Ok(Json(Listed { list, items }))
}

/// Take everything off the list of things to do.
///
/// # Arguments
/// * `list` - The list of an earlier answer; without it, the session's list.
#[tool(destructive, idempotent)]
pub fn clear_todos(list: Option<Handle>, context: Context) -> Result<Json<Listed>, ToolError> {
    let (state, list) = open(&context, list)?;
    state.set(&Todos::default())?;
    Ok(Json(Listed {
        list,
        items: Vec::new(),
    }))
}

/// Opens the state of a list, and checks that it exists or can exist.
fn open(
    context: &Context,
    list: Option<Handle>,
) -> Result<(StoredState, Option<Handle>), StateError> {
    let state = match &list {
        Some(list) => context.state().at(list),
        None => context.state(),
    };
    // Read it as any JSON, so that a list that another release has stored in another form can at least be cleared.
    state.get::<Value>()?;
    Ok((state, list))
}

export_tools!(add_todo, list_todos, finish_todo, clear_todos);

#[cfg(test)]
mod tests {
    use plugin_sdk::{
        serde_json::{Value, json},
        testing::{Tool, plugin},
    };

    use super::MAX_ITEMS;

    fn seen(tool: &Tool, arguments: Value) -> Value {
        let outcome = tool.call(arguments);
        assert!(!outcome.is_error(), "{}", outcome.error_text());
        outcome.structured().cloned().unwrap_or_default()
    }

    #[test]
    fn a_session_has_its_own_list() {
        let tool = |name: &str| plugin().tool(name).in_session("one");
        seen(&tool("addTodo"), json!({ "text": "bread" }));
        let listed = seen(&tool("addTodo"), json!({ "text": "milk" }));
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));
        assert_eq!(listed.get("list"), None);
        seen(&tool("finishTodo"), json!({ "number": 2 }));
        assert_eq!(
            seen(&tool("listTodos"), json!({}))["items"],
            json!([{ "text": "bread", "done": false }, { "text": "milk", "done": true }])
        );
        let missing = tool("finishTodo").call(json!({ "number": 3 }));
        assert_eq!(
            missing.error_text(),
            "there is no item 3: the list has 2 items"
        );
        assert!(tool("finishTodo").call(json!({ "number": 0 })).is_error());
        seen(&tool("clearTodos"), json!({}));
        assert_eq!(seen(&tool("listTodos"), json!({}))["items"], json!([]));
        let other = plugin().tool("listTodos").in_session("two");
        assert_eq!(seen(&other, json!({}))["items"], json!([]));
    }

    #[test]
    fn without_a_session_a_list_has_a_handle() {
        let tool = |name: &str| plugin().tool(name);
        let list = seen(&tool("addTodo"), json!({ "text": "bread" }))["list"].clone();
        let arguments = json!({ "text": "milk", "list": list });
        let listed = seen(&tool("addTodo"), arguments);
        assert_eq!(listed["list"], list);
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(2));
        let without = tool("listTodos").call(json!({}));
        assert!(
            without.error_text().contains("session"),
            "{}",
            without.error_text()
        );
        let unknown = tool("listTodos").call(json!({ "list": "x" }));
        assert!(unknown.is_error());
    }

    #[test]
    fn a_list_of_another_form_can_be_cleared() {
        // An older release stored lists of strings.
        let list = plugin().tool("listTodos");
        let list = list.in_session_with_state("older", json!(["bread"]));
        assert!(list.call(json!({})).is_error());
        let add = plugin().tool("addTodo").in_session("older");
        assert!(add.call(json!({ "text": "milk" })).is_error());
        seen(&plugin().tool("clearTodos").in_session("older"), json!({}));
        assert_eq!(seen(&list, json!({}))["items"], json!([]));
    }

    #[test]
    fn a_list_does_not_grow_for_ever() {
        let add = plugin().tool("addTodo").in_session("long");
        for _ in 0..MAX_ITEMS {
            seen(&add, json!({ "text": "again" }));
        }
        let full = add.call(json!({ "text": "once more" }));
        assert!(full.error_text().contains("full"), "{}", full.error_text());
    }
}
