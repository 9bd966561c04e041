/** Lists of paths in a coverage are cut at this length, counts are not. */
export const MAX_LISTED_PATHS = 100;
