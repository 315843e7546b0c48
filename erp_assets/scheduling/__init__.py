"""What runs when: slots, rows of schedule_jobs, and the job types they name."""
