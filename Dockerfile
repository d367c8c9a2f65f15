FROM python:3.12-slim
ARG TORCH="torch --index-url https://download.pytorch.org/whl/cpu"
RUN pip install --no-cache-dir $TORCH
RUN pip install --no-cache-dir 'motion-agent[mcp]'
ENV MOTION_AGENT_DATA=/data MOTION_AGENT_CACHE=/data/cache
VOLUME /data
EXPOSE 8000
ENTRYPOINT ["motion-agent", "mcp", "--http", "--host", "0.0.0.0", "--tokens", "/data/tokens"]
CMD ["--warm-up"]
