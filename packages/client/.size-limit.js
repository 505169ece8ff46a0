// What the package may weigh. What is loaded later, by the first submission or the
// first watch, is counted apart.

const apart = (config) => ({
  ...config,
  external: [...(config.external ?? []), "./upload.js", "./link.js"],
});

export default [
  {
    name: "the client",
    path: "dist/index.js",
    import: "{ Milepost }",
    modifyEsbuildConfig: apart,
    gzip: true,
    limit: "8 kB",
  },
  {
    name: "the part that connects, loaded with the first watch",
    path: "dist/live/link.js",
    import: "{ openLink }",
    gzip: true,
    limit: "9 kB",
  },
  {
    name: "all of it in one file, for script tags",
    path: "dist/milepost.global.js",
    gzip: true,
    limit: "17 kB",
  },
];
