// Operations that plugins bring: files that genzoo writes have those in here that their models use.

export const MORE = {};
