"""What SAM makes of a template, with the values of its parameters and conditions: `transform.py TEMPLATE NAME=VALUE...`"""

import json
import sys
from pathlib import Path

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

NOTHING = object()


def main(template, *values):
    template = yaml_parse(Path(template).read_text())
    # The place that `sam package` would have used.
    for resource in template["Resources"].values():
        for place in ("CodeUri", "ContentUri"):
            if place in resource["Properties"]:
                resource["Properties"][place] = f"s3://bucket/{resource['Properties'][place]}"
    given = dict(value.split("=", 1) for value in values)
    parameters = {}
    for name, parameter in template["Parameters"].items():
        value = given[name] if name in given else parameter["Default"]
        parameters[name] = value.split(",") if parameter["Type"] == "CommaDelimitedList" else str(value)
    refused = [
        assertion["AssertDescription"]
        for rule in template["Rules"].values()
        if truth(rule["RuleCondition"], parameters, {})
        for assertion in rule["Assertions"]
        if not truth(assertion["Assert"], parameters, {})
    ]
    if refused:
        print("\n".join(refused), file=sys.stderr)
        return 1
    made = transform(template, dict(given), Policies())
    conditions = made["Conditions"]
    chosen = {name: truth(condition, parameters, conditions) for name, condition in conditions.items()}
    for part in ("Resources", "Outputs"):
        made[part] = {name: entry for name, entry in made[part].items() if chosen.get(entry.get("Condition"), True)}
    for part in ("Parameters", "Rules", "Conditions"):
        del made[part]
    print(json.dumps(resolved(made, parameters, chosen), indent=1))
    return 0


class Policies:
    """AWS's own, of which there is none here."""

    def load(self):
        return {}


def truth(condition, parameters, conditions):
    ((kind, value),) = condition.items()
    of = lambda part: truth(part, parameters, conditions)
    match kind:
        case "Condition":
            return of(conditions[value])
        case "Fn::Not":
            return not of(value[0])
        case "Fn::And":
            return all(map(of, value))
        case "Fn::Or":
            return any(map(of, value))
        case "Fn::Equals":
            a, b = (resolved(part, parameters, {}) for part in value)
            return str(a) == str(b)


def resolved(value, parameters, chosen):
    """The same without parameters and conditions; references to resources stay."""
    again = lambda part: resolved(part, parameters, chosen)
    if isinstance(value, list):
        return [part for part in map(again, value) if part is not NOTHING]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        if value["Ref"] == "AWS::NoValue":
            return NOTHING
        return parameters.get(value["Ref"], value)
    if "Fn::If" in value:
        condition, yes, no = value["Fn::If"]
        return again(yes if chosen[condition] else no)
    if "Fn::Join" in value:
        separator, parts = again(value["Fn::Join"])
        if all(isinstance(part, str) for part in parts):
            return separator.join(parts)
    if isinstance(value.get("Fn::Sub"), str):
        text = value["Fn::Sub"]
        for name, parameter in parameters.items():
            text = text.replace(f"${{{name}}}", str(parameter))
        return {"Fn::Sub": text} if "${" in text else text
    entries = {name: again(part) for name, part in value.items()}
    return {name: part for name, part in entries.items() if part is not NOTHING}


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
