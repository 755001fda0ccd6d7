// The content of archives: the plugins of a layer, from its manifests, and the CPU of the host.

import { existsSync, readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';

/** A tool, by its name and by its function's. */
export interface Tool {
  readonly name: string;
  readonly function: string;
  /** Whether it is served if tools.json does not select tools. */
  readonly byDefault: boolean;
}

/** A plugin of a layer. */
export interface Plugin {
  readonly zip: string;
  readonly file: string;
  /** The CPU, by Rust's name: x86_64 or aarch64. */
  readonly cpu: string;
  readonly tools: Tool[];
}

interface Manifest {
  readonly format: number;
  readonly layer: { readonly tools?: string[] };
  readonly cpu: string;
  readonly plugins: {
    readonly file: string;
    readonly declaration: { readonly tools: { readonly tool: { readonly name: string }; readonly function: string }[] };
  }[];
}

/** The newest supported format of manifests. */
const FORMAT = 1;

/** Reports whether a name matches a pattern, in which `*` stands for any text. */
export function fits(pattern: string, name: string): boolean {
  const literal = (part: string) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${pattern.split('*').map(literal).join('.*')}$`, 's').test(name);
}

/** Returns the plugins of a layer, and adds its problems. */
export function plugins(zip: string, problems: string[]): Plugin[] {
  const files = read(zip, (name) => /^lib\/[^/]+\.(layer\.json|so)$/.test(name), problems);
  if (!files) return [];
  const found: Plugin[] = [];
  for (const [name, content] of Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!name.endsWith('.layer.json')) continue;
    const manifest = JSON.parse(new TextDecoder().decode(content)) as Manifest;
    if (manifest.format > FORMAT) {
      problems.push(
        `${zip}: ${name} has format ${manifest.format}, this reads up to ${FORMAT}; use the deploy/cdk of that release`,
      );
      continue;
    }
    const defaults = manifest.layer.tools ?? [];
    for (const { file, declaration } of manifest.plugins) {
      const library = files[`lib/${file}`];
      if (!library) {
        problems.push(`${zip}: its manifest lists ${file}, which is missing; build the layer again`);
        continue;
      }
      found.push({
        zip,
        file,
        cpu: cpu(library),
        tools: declaration.tools.map(({ tool, function: rust }) => ({
          name: tool.name,
          function: rust,
          byDefault: byDefault(defaults, tool.name, rust),
        })),
      });
    }
  }
  if (found.length === 0) problems.push(`${zip}: declares no plugins; make it with \`cargo layer build\``);
  return found;
}

/** Returns the CPU of the function's program. */
export function bootstrapCpu(zip: string, problems: string[]): string | undefined {
  const files = read(zip, (name) => name === 'bootstrap', problems);
  if (!files) return undefined;
  const program = files['bootstrap'];
  if (!program) {
    problems.push(`${zip}: has no bootstrap; make it with \`cargo layer host\``);
    return undefined;
  }
  return cpu(program);
}

function read(
  zip: string,
  wanted: (name: string) => boolean,
  problems: string[],
): Record<string, Uint8Array> | undefined {
  if (!existsSync(zip)) {
    problems.push(`${zip}: there is no such file; make it with \`cargo layer\``);
    return undefined;
  }
  try {
    return unzipSync(readFileSync(zip), { filter: ({ name }) => wanted(name) });
  } catch (error) {
    problems.push(`${zip}: not an archive: ${(error as Error).message}`);
    return undefined;
  }
}

/** Returns the CPU of an ELF file, by `e_machine` of its header. */
function cpu(file: Uint8Array): string {
  if (file.length < 20 || String.fromCharCode(...file.subarray(1, 4)) !== 'ELF') return 'no CPU (not ELF)';
  const machine = file[18] | (file[19] << 8);
  return { 62: 'x86_64', 183: 'aarch64' }[machine] ?? `ELF machine ${machine}`;
}

/** Reports whether the layer's own list selects a tool, by the rules of the host. */
function byDefault(entries: string[], name: string, rust: string): boolean {
  const means = (pattern: string) => fits(pattern.trim(), name) || fits(pattern.trim(), rust);
  const excludes = (entry: string) => entry.startsWith('!');
  if (entries.some((entry) => excludes(entry) && means(entry.slice(1)))) return false;
  return entries.every(excludes) || entries.some((entry) => !excludes(entry) && means(entry));
}
