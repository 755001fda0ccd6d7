// Derives ENTRY_FILE and TOOLS_LIST from tools.json and the plugins of the layers.

import { readFileSync } from 'node:fs';
import { fits, Plugin } from './archive';

/** The plugins and tools to serve. */
export interface Selection {
  readonly entryFile: string[];
  /** Names of tools, without patterns: a new tool of a later layer is served only after another deployment. */
  readonly tools: string[];
}

interface Entry {
  readonly file: string;
  /** The names; undefined: the layer's default. */
  readonly tools?: string[];
}

/** Returns the selection of tools.json, and adds its problems. */
export function select(path: string, plugins: Plugin[], problems: string[]): Selection {
  const entries = parse(path);
  if (!entries) {
    const form = '{"tool_list":[{"custom_tool":{"entry_file":"libcustom_tools.so","tool_list":["greet"]}}]}';
    problems.push(`${path}: not of the form ${form}`);
    return { entryFile: [], tools: [] };
  }
  const problem = (what: string) => problems.push(`${path}: ${what}`);
  const seen = new Set<string>();
  const tools: string[] = [];
  for (const entry of entries) {
    if (seen.has(entry.file)) problem(`names ${entry.file} twice; put its tools into one entry`);
    seen.add(entry.file);
    const having = plugins.filter(({ file }) => file === entry.file);
    if (having.length === 0) {
      problem(`no layer has ${entry.file}; the plugins are ${plugins.map(({ file }) => file).join(', ')}`);
      continue;
    }
    if (having.length > 1) {
      problem(`${entry.file} is in several layers: ${having.map(({ zip }) => zip).join(', ')}`);
      continue;
    }
    const served = ofPlugin(having[0], entry.tools, problem);
    if (served.length === 0) problem(`no tool of ${entry.file} is left to serve`);
    for (const tool of served) {
      if (tools.includes(tool)) problem(`two plugins have a tool ${tool}; serve one of them`);
      tools.push(tool);
    }
  }
  return { entryFile: [...seen], tools };
}

function parse(path: string): Entry[] | undefined {
  try {
    const list = JSON.parse(readFileSync(path, 'utf8')).tool_list;
    const entries = list.map(({ custom_tool: { entry_file: file, tool_list: tools } }: any) => {
      if (
        typeof file !== 'string' ||
        (tools !== undefined && !tools.every((tool: unknown) => typeof tool === 'string'))
      )
        throw new Error();
      return { file: file.endsWith('.so') ? file : `lib${file.replaceAll('-', '_')}.so`, tools };
    });
    return entries.length > 0 ? entries : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the selected tools of one plugin: by name, by function, by pattern, without those after `!`. */
function ofPlugin({ file, tools }: Plugin, entries: string[] | undefined, problem: (what: string) => void): string[] {
  if (!entries) return tools.filter(({ byDefault }) => byDefault).map(({ name }) => name);
  const included = new Set<string>();
  const excluded = new Set<string>();
  for (const entry of entries) {
    const pattern = entry.replace(/^!/, '').trim();
    let meant = tools.filter(({ name }) => fits(pattern, name));
    if (meant.length === 0) {
      meant = tools.filter((tool) => fits(pattern, tool.function));
      if (meant.length === 0) {
        problem(`${file} has no tool ${entry}; it has ${tools.map(({ name }) => name).join(', ')}`);
      } else if (meant.length > 1 && !pattern.includes('*')) {
        problem(
          `${entry} is the function of several tools of ${file}: ${meant.map(({ name }) => name).join(', ')}; write the tool's name`,
        );
      }
    }
    for (const { name } of meant) (entry.startsWith('!') ? excluded : included).add(name);
  }
  const all = entries.length > 0 && entries.every((entry) => entry.startsWith('!'));
  return tools.map(({ name }) => name).filter((name) => (all || included.has(name)) && !excluded.has(name));
}
