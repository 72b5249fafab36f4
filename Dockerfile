FROM python:3.13-slim AS build
COPY requirements/runtime.txt /tmp/runtime.txt
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir --require-hashes --no-deps -r /tmp/runtime.txt

FROM python:3.13-slim
RUN useradd --system --uid 10001 --home-dir /app pferdewert
COPY --from=build /venv /venv
WORKDIR /app
COPY config config
COPY domain domain
COPY ledger ledger
COPY llm llm
COPY doorbell doorbell
COPY payments payments
COPY mail mail
COPY producer producer
COPY worker worker
COPY schedules schedules
COPY ops ops
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER pferdewert
CMD ["python", "-m", "producer"]
