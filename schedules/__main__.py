"""`python -m schedules`: Celery's beat with our timetable."""

import tempfile
from pathlib import Path

from config.startup import begin
from doorbell.app import make_celery
from schedules.timetable import beat_schedule


def main() -> None:
    """Run beat until SIGTERM. Its own memory is a throw-away file: ticks are only hints."""
    settings = begin("beat")
    app = make_celery(settings.redis_url.get_secret_value(), name="beat")
    app.conf.beat_schedule = beat_schedule()
    with tempfile.TemporaryDirectory(prefix="pferdewert-beat-") as folder:
        app.Beat(schedule=str(Path(folder) / "schedule"), loglevel=settings.log_level).run()


if __name__ == "__main__":
    main()
