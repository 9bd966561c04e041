const PLACES = /^\/usr\/share\/(doc|man|info|doc-base|lintian|bug)\//;

/** What servers are often installed without (`path-exclude` of dpkg.cfg(5)): not there means nothing. */
export const isDocumentation = (path: string): boolean => PLACES.test(path);
