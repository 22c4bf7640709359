#!/usr/bin/env python3
"""Who needs whom? Fails on a circle between folders, or between files of different nouns in a folder.

Usage: graph.py ROOT BUILD [--dot]

A file needs another when it includes it, or uses a symbol that the other's object defines (nm). A noun is a file's name up
to the first '_': walk.c, walk.h and walk_list.c may need each other. --dot prints the graph for graphviz instead.

It also checks the rules about plugins: none needs another one, and a kernel's structure is declared (EG_FIELDS) in one file.
"""
import collections
import json
import os
import re
import subprocess
import sys

FOLDERS = ['core', 'formats', 'profiles', 'plugins', 'lua', 'cli']


def sources(root):
    for top in FOLDERS:
        for folder, _, names in os.walk(os.path.join(root, top)):
            for name in names:
                if name.endswith(('.c', '.h')):
                    yield os.path.relpath(os.path.join(folder, name), root)


def noun(file):
    folder, name = os.path.split(file)
    return folder + '/' + re.split(r'[_.]', name)[0]


def includes(root, files):
    for file in files:
        with open(os.path.join(root, file), encoding='utf-8') as f:
            for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', f.read(), re.M):
                target = os.path.normpath(os.path.join(os.path.dirname(file), name))
                if target not in files and '/' not in name:  # as -Icore finds it
                    target = 'core/' + name
                if target in files:
                    yield file, target, 'includes ' + name


def symbols(root, build, files):
    """Edges from the objects: who uses a symbol that one other file defines."""
    with open(os.path.join(build, 'compile_commands.json'), encoding='utf-8') as f:
        commands = json.load(f)
    objects = {}
    for c in commands:
        file = os.path.relpath(os.path.join(c['directory'], c['file']), root)
        if file in files and os.path.exists(os.path.join(build, c['output'])):
            objects[os.path.join(build, c['output'])] = file
    text = subprocess.run(['nm', '-A', '-P', *objects], check=True, capture_output=True, text=True).stdout
    defined, used = collections.defaultdict(set), collections.defaultdict(set)
    for line in text.splitlines():
        object_, name, kind = line.split()[:3]
        file = objects[object_[:-1]]
        if kind == 'U':
            used[file].add(name)
        elif kind in 'TDBRC':
            defined[name].add(file)
    for file, names in used.items():
        for name in sorted(names):
            if len(defined[name]) == 1:
                yield file, next(iter(defined[name])), 'uses ' + name


def circles(edges):
    """The strongly connected components of more than one node (Tarjan)."""
    index, low, stack, held, found = {}, {}, [], set(), []

    def visit(n):
        index[n] = low[n] = len(index)
        stack.append(n)
        held.add(n)
        for m in sorted(edges.get(n, ())):
            if m not in index:
                visit(m)
                low[n] = min(low[n], low[m])
            elif m in held:
                low[n] = min(low[n], index[m])
        if low[n] == index[n]:
            part = set()
            while n not in part:
                part.add(stack.pop())
            held.difference_update(part)
            if len(part) > 1:
                found.append(part)

    sys.setrecursionlimit(10000)
    for n in sorted(edges):
        if n not in index:
            visit(n)
    return found


def shortest(edges, part, start):
    """A shortest circle through start, as a list of nodes."""
    before, todo = {start: None}, collections.deque([start])
    while todo:
        n = todo.popleft()
        for m in sorted(edges.get(n, ())):
            if m == start:
                way = []
                while n is not None:
                    way.insert(0, n)
                    n = before[n]
                return way + [start]
            if m in part and m not in before:
                before[m] = n
                todo.append(m)
    return [start]


def check_circles(edges, one_noun):
    """Prints each circle. @return how many. With @one_noun those of a single noun's files are no fault."""
    bad = 0
    for part in circles(edges):
        if one_noun and len({noun(n) for n in part}) == 1:
            continue
        bad += 1
        print(f'circle of {", ".join(sorted(part))}:')
        way = shortest(edges, part, min(part))
        for a, b in zip(way, way[1:]):
            print(f'  {a} -> {b}: ' + '; '.join(sorted(edges[a][b])[:3]))
    return bad


def check_plugins(root, files, needs):
    """A plugin needs no other plugin; a type is declared in one file."""
    bad = 0
    text = {}
    for file in files:
        with open(os.path.join(root, file), encoding='utf-8') as f:
            text[file] = f.read()
    plugins = {f for f in files if f.startswith('plugins/') and re.search(r'^EG_PLUGIN\(', text[f], re.M)}
    nouns = {noun(f) for f in plugins}
    for a, b, why in needs:
        if a in plugins and noun(b) in nouns and noun(a) != noun(b):
            bad += 1
            print(f'{a}: a plugin needs another one ({b}): {why}')
    where = collections.defaultdict(set)
    for file in files:
        for type_ in re.findall(r'^EG_FIELDS(?:_OF\(\w+, |\()(\w+),', text[file], re.M):
            where[type_].add(file)
    for type_, found in sorted(where.items()):
        if len(found) > 1:
            bad += 1
            print(f'{type_} is declared in {len(found)} files: {" ".join(sorted(found))}')
    return bad


def main():
    root, build = sys.argv[1], sys.argv[2]
    files = set(sources(root))
    needs = list(includes(root, files)) + list(symbols(root, build, files))
    folders, inner = [collections.defaultdict(lambda: collections.defaultdict(set)) for _ in range(2)]
    for a, b, why in needs:
        if os.path.dirname(a) != os.path.dirname(b):
            folders[os.path.dirname(a)][os.path.dirname(b)].add(f'{a} {why}')
        elif a != b:
            inner[a][b].add(why)
    if '--dot' in sys.argv:
        print('digraph {')
        for edges in (folders, inner):
            for a in sorted(edges):
                for b in sorted(edges[a]):
                    print(f'  "{a}" -> "{b}"')
        print('}')
        return 0
    bad = check_circles(folders, False)
    bad += check_circles(inner, True)
    bad += check_plugins(root, files, needs)
    print(f'{len(files)} files, {len(needs)} needs')
    return bad != 0 or len(needs) < 1000


if __name__ == '__main__':
    sys.exit(main())
