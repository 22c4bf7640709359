#!/usr/bin/env python3
"""The guide for authors of plugins in Lua, followed to the letter: each block of docs/lua-guide.md is run in order on the
bundled image, and what it prints is compared with the block behind it.  Usage: lua_guide.py ROOT ENGRAM [write]

  ```lua   that begins with `-- NAME.lua` is that file; any other stands inside of run, and its print()s are what it prints
  ```sh    is a command
  ```      is what the block before prints; with `write` it is written anew
"""
import os, pathlib, re, shutil, subprocess, sys, tempfile

root, engram = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
guide = root / 'docs/lua-guide.md'
image = next(p for p in sorted(root.glob('samples/*.zst')) if not p.name.endswith('.tar.zst'))
work = pathlib.Path(tempfile.mkdtemp())
env = dict(os.environ, PATH=f'{engram.parent}:{os.environ["PATH"]}', XDG_DATA_HOME=str(work / 'data'), NO_COLOR='1')


def sh(command, folder):
    done = subprocess.run(['sh', '-c', command.replace('IMAGE', str(image))], cwd=folder, env=env, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return re.sub('(?m)^engram: .*\n', '', done.stdout) if 'error: ' in done.stdout else done.stdout


def fragment(text):
    folder = work / 'fragment'
    folder.mkdir(exist_ok=True)
    (folder / 'fragment.lua').write_text(
        'return plugin { name = "fragment", help = "A piece of the guide", columns = { { "X", "int", "none" } }, '
        'run = function(k, args, row) ' + text + 'end }\n')
    out = sh('engram -q --plugin-dir . IMAGE fragment', folder)
    return ''.join(line.split(': ', 1)[1] for line in out.splitlines(True) if line.startswith(('note: ', 'error: ')))


text, printed, ran, bad = guide.read_text(), None, 0, 0
pieces = re.split(r'(?m)^(```.*\n(?:.*\n)*?```\n)', text)
for i, piece in enumerate(pieces):
    if not piece.startswith('```'):
        printed = None if piece.strip() else printed
        continue
    kind, body = piece[3:piece.index('\n')], piece[piece.index('\n') + 1:-4]
    if kind == '':
        if printed is None:
            sys.exit(f'lua_guide: nothing printed this:\n{body}')
        if printed != body:
            print(f'--- the guide says\n{body}--- it prints\n{printed}')
            bad += 1
        pieces[i] = f'```\n{printed}```\n'
        printed = None
        continue
    ran += 1
    name = re.match(r'-- (\w+\.lua)', body)
    if kind == 'lua' and name:
        (work / name[1]).write_text(body)
    elif kind == 'lua':
        printed = fragment(body)
    elif kind == 'sh':
        printed = sh(body, work)
shutil.rmtree(work)
if len(sys.argv) > 3:
    guide.write_text(''.join(pieces))
print(f'{ran} blocks, {bad} differ')
sys.exit(bad > 0 or ran < 15)
