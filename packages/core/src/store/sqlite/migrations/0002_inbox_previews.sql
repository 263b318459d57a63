CREATE TABLE `inbox_files` (
	`path` text PRIMARY KEY NOT NULL,
	`stamp` text NOT NULL,
	`bytes` integer NOT NULL,
	`sha256` text,
	`job_id` text,
	`error_code` text,
	`error_message` text,
	`moved_at` integer,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `inbox_files_job` ON `inbox_files` (`job_id`) WHERE job_id IS NOT NULL;--> statement-breakpoint
CREATE INDEX `inbox_files_sha256` ON `inbox_files` (`sha256`) WHERE sha256 IS NOT NULL;--> statement-breakpoint
CREATE INDEX `inbox_files_error` ON `inbox_files` (`updated_at`,`path`) WHERE error_code IS NOT NULL;--> statement-breakpoint
ALTER TABLE `jobs` ADD `preview_sha256` text;--> statement-breakpoint
ALTER TABLE `jobs` ADD `thumbnail_sha256` text;--> statement-breakpoint
CREATE INDEX `jobs_preview` ON `jobs` (`preview_sha256`) WHERE preview_sha256 IS NOT NULL;--> statement-breakpoint
CREATE INDEX `jobs_thumbnail` ON `jobs` (`thumbnail_sha256`) WHERE thumbnail_sha256 IS NOT NULL;