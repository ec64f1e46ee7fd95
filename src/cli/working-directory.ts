/** Imported before the rest, which needs the path of the working directory. */
try {
  process.cwd();
} catch {
  process.stderr.write(
    'The working directory does not exist any more: change to one that does, and run the command again\n',
  );
  process.exit(1);
}
