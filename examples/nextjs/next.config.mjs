// Where Next.js looks for files: here, and not in the repository around it.
export default { turbopack: { root: import.meta.dirname } };
