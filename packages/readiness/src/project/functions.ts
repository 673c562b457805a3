// Which functions an expression may mean, within a file and across the files of a project.
import type { Project } from './project.ts';
import { calledName, nameOf, textOf, type Node, type Source } from './source.ts';
import { bare, isFunction, walk, type FunctionNode } from './walk.ts';

export type Fn = { node: FunctionNode; source: Source };

/** What a file gives names to. A name may be given more than once: methods of several classes, properties of several objects. */
type Names = { functions: Map<string, Fn[]>; /** Properties that pass something on: `check: health.check`. */ passed: Map<string, Node[]> };

const indexed = new WeakMap<Source, Names>();

function namesOf(source: Source): Names {
  const known = indexed.get(source);
  if (known) return known;
  const names: Names = { functions: new Map(), passed: new Map() };
  const add = (name: string, value: Node | null | undefined) => {
    if (!name || !value) return;
    const node = bare(value);
    if (isFunction(node)) names.functions.set(name, [...(names.functions.get(name) ?? []), { node, source }]);
    else if (node.type === 'MemberExpression' || node.type === 'Identifier' || node.type === 'CallExpression')
      names.passed.set(name, [...(names.passed.get(name) ?? []), node]);
  };
  walk(source.program, (node) => {
    if (node.type === 'FunctionDeclaration' && node.id) add(node.id.name, node);
    if (node.type === 'VariableDeclarator' && node.id.type === 'Identifier' && isFunction(node.init && bare(node.init)))
      add(node.id.name, node.init);
    if ((node.type === 'Property' || node.type === 'MethodDefinition' || node.type === 'PropertyDefinition') && !node.computed)
      add(nameOf(node.key), node.value);
    if (node.type === 'AssignmentExpression' && node.left.type === 'MemberExpression') add(calledName(node.left), node.right);
  });
  indexed.set(source, names);
  return names;
}

/** Functions of the file that go by the name, methods and properties as well. */
export function functionsNamed(source: Source, name: string): Fn[] {
  return namesOf(source).functions.get(name) ?? [];
}

const DEEPEST = 6;

/**
 * The functions that an expression may mean: the function itself, what a name stands for, a method, what a wrapper wraps.
 * A method of an object that was made elsewhere is looked for by its name in the code that could have made it. Empty when
 * it comes from outside of the project, or cannot be told.
 */
export function functionsOf(expression: Node | null | undefined, source: Source, project: Project, depth = 0): Fn[] {
  if (!expression || depth > DEEPEST) return [];
  const node = bare(expression);
  const follow = (one: Node | null | undefined, where = source) => functionsOf(one, where, project, depth + 1);
  if (isFunction(node)) return [{ node, source }];
  if (node.type === 'Identifier') return functionsOfName(node.name, source, project, depth);
  if (node.type === 'CallExpression' || node.type === 'NewExpression')
    return [...follow(node.callee), ...node.arguments.flatMap((one) => (one.type === 'SpreadElement' ? [] : follow(one)))];
  if (node.type === 'ArrayExpression') return node.elements.flatMap((one) => (one && one.type !== 'SpreadElement' ? follow(one) : []));
  if (node.type === 'MemberExpression') return ofMember(node, source, project, depth);
  return [];
}

/** The functions that a name of a file stands for, wherever they are. */
export function functionsOfName(name: string, source: Source, project: Project, depth = 0): Fn[] {
  const own = functionsNamed(source, name);
  if (own.length > 0) return own;
  const init = source.variables.get(name);
  if (init) return functionsOf(init, source, project, depth + 1);
  const imported = source.imports.get(name);
  const other = imported ? project.resolve(source.path, imported.module) : null;
  return other && imported ? exportedFunctions(other, imported.name, project, depth + 1) : [];
}

function exportedFunctions(source: Source, name: string, project: Project, depth: number): Fn[] {
  const home = homeOf(source, name, project, depth);
  if (!home) return [];
  return home.node ? functionsOf(home.node, home.source, project, depth + 1) : functionsOfName(home.name, home.source, project, depth + 1);
}

type Home = { source: Source; name: string; node?: Node };

/** The file that really declares what another exports, and its name there. */
function homeOf(source: Source, name: string, project: Project, depth: number): Home | null {
  if (depth > DEEPEST) return null;
  for (const one of source.program.body) {
    if (one.type === 'ExportNamedDeclaration' && one.source) {
      const passed = one.specifiers.find((specifier) => nameOf(specifier.exported) === name);
      const other = passed ? project.resolve(source.path, one.source.value) : null;
      if (passed && other) return homeOf(other, nameOf(passed.local), project, depth + 1);
    }
    if (one.type === 'ExportNamedDeclaration' && !one.source) {
      const renamed = one.specifiers.find((specifier) => nameOf(specifier.exported) === name);
      if (renamed) return { source, name: nameOf(renamed.local) };
    }
    if (one.type === 'ExportDefaultDeclaration' && name === 'default') {
      const declared = one.declaration as Node;
      return declared.type === 'Identifier' ? { source, name: declared.name } : { source, name: '', node: declared };
    }
  }
  if (declares(source, name)) return { source, name };
  for (const one of source.program.body) {
    if (one.type !== 'ExportAllDeclaration') continue;
    const other = project.resolve(source.path, one.source.value);
    const found = other ? homeOf(other, name, project, depth + 1) : null;
    if (found) return found;
  }
  return null;
}

function declares(source: Source, name: string): boolean {
  return (
    name === '*' ||
    source.variables.has(name) ||
    source.imports.has(name) ||
    functionsNamed(source, name).length > 0 ||
    classNamed(source, name) !== null
  );
}

function classNamed(source: Source, name: string): Node | null {
  let found: Node | null = null;
  walk(source.program, (node) => {
    if (node.type === 'ClassDeclaration' && node.id?.name === name) found = node;
    return found === null && !isFunction(node);
  });
  return found;
}

/** Names that say too little to look for them in a whole project. */
const SPEAKING = /health|ready|readiness|alive|probe|ping|database|prisma/i;

function ofMember(node: Extract<Node, { type: 'MemberExpression' }>, source: Source, project: Project, depth: number): Fn[] {
  const method = node.computed ? (textOf(node.property) ?? '') : nameOf(node.property);
  const object = bare(node.object);
  if (!method || depth > DEEPEST) return [];
  if (object.type === 'ThisExpression') return named(source, method, project, depth);
  const makers = object.type === 'Identifier' ? makersOf(object.name, source, project, depth) : typeOfField(object, source, project, depth);
  const found = makers.flatMap((maker) => named(maker, method, project, depth));
  if (found.length > 0 || !SPEAKING.test(method)) return found;
  return project.sourcesWith(method).flatMap((other) => named(other, method, project, depth));
}

/** Functions of a file by name; where a property only passes one on, that one. */
function named(source: Source, name: string, project: Project, depth: number): Fn[] {
  const passed = namesOf(source).passed.get(name) ?? [];
  return [...functionsNamed(source, name), ...passed.flatMap((one) => functionsOf(one, source, project, depth + 1))];
}

/** The files that may hold the methods of an object: where it is written down, or where its class or maker is. */
function makersOf(name: string, source: Source, project: Project, depth: number): Source[] {
  if (depth > DEEPEST) return [];
  const init = source.variables.get(name);
  const made = init ? bare(init) : null;
  if (made?.type === 'ObjectExpression') return [source];
  if (made?.type === 'NewExpression' || made?.type === 'CallExpression') {
    const maker = calledName(made.callee);
    const first = made.callee.type === 'Identifier' ? makersOf(maker, source, project, depth + 1) : [];
    return first.length > 0 ? first : functionsOf(made.callee, source, project, depth + 1).map((fn) => fn.source);
  }
  if (functionsNamed(source, name).length > 0 || classNamed(source, name)) return [source];
  const imported = source.imports.get(name);
  const other = imported ? project.resolve(source.path, imported.module) : null;
  const home = other && imported ? homeOf(other, imported.name, project, depth + 1) : null;
  if (!home) return typeNamed(source, name).flatMap((type) => (type === name ? [] : makersOf(type, source, project, depth + 1)));
  return home.name === '*' || home.node || home.name === name
    ? [home.source, ...behind(home, project, depth)]
    : behind(home, project, depth);
}

/** Behind `export const db = createDatabase()` stands the file of `createDatabase`. */
function behind(home: Home, project: Project, depth: number): Source[] {
  const init = home.node ?? home.source.variables.get(home.name);
  if (!init) return home.name && home.name !== '*' ? [home.source] : [];
  const made = bare(init);
  return made.type === 'NewExpression' || made.type === 'CallExpression'
    ? functionsOf(made.callee, home.source, project, depth + 1)
        .map((fn) => fn.source)
        .concat(made.callee.type === 'Identifier' ? makersOf(made.callee.name, home.source, project, depth + 1) : [])
    : [home.source];
}

/** `this.health`, as a field or a parameter of the constructor declares its class. */
function typeOfField(object: Node, source: Source, project: Project, depth: number): Source[] {
  if (object.type !== 'MemberExpression' || object.computed) return [];
  return typeNamed(source, nameOf(object.property)).flatMap((type) => makersOf(type, source, project, depth + 1));
}

/** Names of the types that parameters and fields of this name have in the file. */
function typeNamed(source: Source, name: string): string[] {
  const types = new Set<string>();
  const add = (annotation: Node | null | undefined) => {
    const type = annotation?.type === 'TSTypeAnnotation' ? annotation.typeAnnotation : null;
    if (type?.type === 'TSTypeReference' && type.typeName.type === 'Identifier') types.add(type.typeName.name);
  };
  walk(source.program, (node) => {
    if (node.type === 'PropertyDefinition' && nameOf(node.key) === name) add(node.typeAnnotation);
    if (node.type === 'Identifier' && node.name === name && 'typeAnnotation' in node) add(node.typeAnnotation);
  });
  return [...types];
}
