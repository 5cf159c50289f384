// What was dropped or picked, folders walked: one {path, file} each, or {path, fault} for what cannot be read.

// Reads the transfer at once, as it is empty as soon as the event is over; yields while folders are being read.
// What comes from another program, not from the disk, is a file without an entry.
export function dropped(transfer) {
  const items = [...transfer.items].filter((item) => item.kind === "file");
  return walkAll(items.map((item) => item.webkitGetAsEntry() ?? item.getAsFile()).filter(Boolean));
}

export function picked(input) {
  const files = [...input.files].map((file) => ({ file, path: pathOf(file.webkitRelativePath || file.name) }));
  input.value = ""; // the same file can be picked again
  return files;
}

async function* walkAll(entries) {
  for (const entry of entries) yield* walk(entry);
}

async function* walk(entry) {
  if (entry instanceof File) {
    yield { file: entry, path: pathOf(entry.name) };
    return;
  }
  try {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      yield { file, path: pathOf(entry.fullPath) };
    } else {
      yield* walkAll(await children(entry));
    }
  } catch (error) {
    yield { path: pathOf(entry.fullPath), fault: `The browser cannot read it: ${error.message}` };
  }
}

async function children(folder) {
  const reader = folder.createReader();
  const entries = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return entries;
    entries.push(...some);
  }
}

// Some systems write é as two characters; the registry has one form of it.
const pathOf = (name) => name.replace(/^\/+/, "").normalize("NFC");
