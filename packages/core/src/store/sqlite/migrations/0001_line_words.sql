-- Drizzle cannot describe virtual tables and triggers. The words come folded and split (line-words.ts), so the tokenizer
-- has nothing left to do but to split at spaces: `ascii` takes every other character as it is. Queries of one letter match
-- most lines, so that they have an index of their own.
CREATE VIRTUAL TABLE `line_words` USING fts5(words, content='', contentless_delete=1, tokenize='ascii', prefix='1');
--> statement-breakpoint
CREATE TRIGGER `lines_deleted` AFTER DELETE ON `lines` BEGIN
  DELETE FROM `line_words` WHERE rowid = old.id;
END;
