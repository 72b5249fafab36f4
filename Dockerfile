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
USER 10001
EXPOSE 8000
# Of the default command; the other processes bring their own, see docker-compose.yml.
HEALTHCHECK --interval=10s --timeout=5s --start-period=15s --retries=5 \
  CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open('http://127.0.0.1:' + os.environ.get('PORT', '8000') + '/health', timeout=3)"]
CMD ["python", "-m", "producer"]
