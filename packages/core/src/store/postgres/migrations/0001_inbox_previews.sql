CREATE TABLE "inbox_files" (
	"path" text COLLATE "C" PRIMARY KEY NOT NULL,
	"stamp" text NOT NULL,
	"bytes" bigint NOT NULL,
	"sha256" text,
	"job_id" text COLLATE "C",
	"error_code" text,
	"error_message" text,
	"moved_at" bigint,
	"created_at" bigint NOT NULL,
	"updated_at" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "preview_sha256" text;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "thumbnail_sha256" text;--> statement-breakpoint
CREATE INDEX "inbox_files_job" ON "inbox_files" USING btree ("job_id") WHERE job_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX "inbox_files_sha256" ON "inbox_files" USING btree ("sha256") WHERE sha256 IS NOT NULL;--> statement-breakpoint
CREATE INDEX "inbox_files_error" ON "inbox_files" USING btree ("updated_at","path") WHERE error_code IS NOT NULL;--> statement-breakpoint
CREATE INDEX "jobs_preview" ON "jobs" USING btree ("preview_sha256") WHERE preview_sha256 IS NOT NULL;--> statement-breakpoint
CREATE INDEX "jobs_thumbnail" ON "jobs" USING btree ("thumbnail_sha256") WHERE thumbnail_sha256 IS NOT NULL;