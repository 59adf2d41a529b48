"""The user's own datasets: any folder of audio with a CSV of path, label, group, split or fold."""
