/** zod's messages in fifty other languages are a third of it, and nobody asks for them. A plugin of esbuild. */
export const englishOnly = {
  name: 'english only',
  setup(building) {
    building.onResolve({ filter: /\/locales\/index\.js$/ }, ({ path, resolveDir, kind }) =>
      /\/zod\/v4\//.test(`${resolveDir}/`)
        ? building.resolve(path.replace('index.js', 'en.js'), { resolveDir, kind })
        : undefined,
    );
  },
};
