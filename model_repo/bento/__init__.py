"""The light model as a BentoML service, for platforms that run Bentos.

    bentoml build --bentofile model_repo/bento/bentofile.yaml
    bentoml serve tiermesh-faq:latest --host 127.0.0.1 --port 3000

It answers the OpenAI API at /v1, as it does on Ray Serve; a Model of engine `bento` puts it behind a router.
"""
